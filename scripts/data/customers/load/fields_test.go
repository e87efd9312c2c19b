package load

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// layoutText returns the columns of each field as "field=column+column".
func layoutText(t *testing.T, header string, mapping Mapping) string {
	t.Helper()
	names := strings.Split(header, ";")
	l, err := layoutOf(names, mapping, true)
	if err != nil {
		return err.Error()
	}
	var all []string
	for i := range l {
		var columns []string
		for _, at := range l[i].columns {
			columns = append(columns, names[at])
		}
		if columns != nil {
			all = append(all, fields[i].name+"="+strings.Join(columns, "+"))
		}
	}
	return strings.Join(all, " ")
}

func TestColumnsAreFoundByTheirNames(t *testing.T) {
	for header, want := range map[string]string{
		"customer_id;customer_unique_id;customer_zip_code_prefix;customer_city;customer_state": "id=customer_id city=customer_city part=customer_state postcode=customer_zip_code_prefix",
		"CustomerID;First Name;Last Name;Country;State;Region;Zip;City":                        "id=CustomerID city=City country=Country name=First Name+Last Name part=State postcode=Zip",
		"id;customer_id;name;city;country_name;country_code":                                   "id=customer_id city=city country=country_code name=name",
		"고객번호;이름;도시;국가;우편번호;전화번호;가입일;주소;이메일":                                                   "id=고객번호 city=도시 country=국가 name=이름 email=이메일 phone=전화번호 joined=가입일 postcode=우편번호 street=주소",
		"顧客コード;氏名;市区町村;都道府県;国;郵便番号;電話番号":                                                       "id=顧客コード city=市区町村 country=国 name=氏名 phone=電話番号 part=都道府県 postcode=郵便番号",
		"客户编号;姓名;城市;省份;国家;邮编;手机":                                                               "id=客户编号 city=城市 country=国家 name=姓名 phone=手机 part=省份 postcode=邮编",
		"N° client;Prénom;Nom;Ville;Pays;Code postal;Téléphone;Date d'inscription;Adresse":     "id=N° client city=Ville country=Pays name=Prénom+Nom phone=Téléphone joined=Date d'inscription postcode=Code postal street=Adresse",
		"Kundennummer;Vorname;Nachname;Straße;Hausnummer;PLZ;Ort;Land;Telefon;E-Mail":          "id=Kundennummer city=Ort country=Land name=Vorname+Nachname email=E-Mail phone=Telefon postcode=PLZ street=Straße+Hausnummer",
		"ID cliente;Nombre;Apellidos;Ciudad;Provincia;País;Código postal;Teléfono":             "id=ID cliente city=Ciudad country=País name=Nombre+Apellidos phone=Teléfono part=Provincia postcode=Código postal",
		"customerID;companyName;contactName;address;city;region;postalCode;country;phone":      "id=customerID city=city country=country name=contactName phone=phone part=region postcode=postalCode street=address",
		"name;country;subcountry;geonameid":                                                    "id=geonameid city=name country=country part=subcountry",
		"id;shipping_city;billing_city;city;shipping_country":                                  "id=id city=city country=shipping_country",
		"Code_commune_INSEE;Nom_de_la_commune;Code_postal;Libellé_d_acheminement;Ligne_5":      "id=Code_commune_INSEE city=Nom_de_la_commune postcode=Code_postal",
	} {
		if got := layoutText(t, header, nil); got != want {
			t.Errorf("%s\n got %s\nwant %s", header, got, want)
		}
	}
	for header, want := range map[string]string{
		"id;city;City":      "two columns are named like city",
		"Kim;Seoul;KR":      "none of its 3 columns is named like id, city",
		"id;customer;phone": "-map city=COLUMN",
	} {
		if got := layoutText(t, header, nil); !strings.Contains(got, want) || strings.Contains(got, "Seoul") {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
}

func TestMappingsChooseColumns(t *testing.T) {
	const header = "Nr;First Name;Last Name;A+B;Where, now;city;phone"
	for mapping, want := range map[string]string{
		"id=Nr":                                 "id=Nr city=city name=First Name+Last Name phone=phone",
		"id=nr,city=Where, now,phone=":          "id=Nr city=Where, now name=First Name+Last Name",
		"id=A+B,name=Last Name+First Name":      "id=A+B city=city name=Last Name+First Name phone=phone",
		"id=Nr+Where, now,name=A+B,street=city": "id=Nr+Where, now city=city name=A+B phone=phone street=city",
		"id=Number":                             `read header: no column "Number" for -map id`,
	} {
		m, err := ParseMapping(mapping)
		if err != nil {
			t.Fatal(err)
		}
		if got := layoutText(t, header, m); got != want {
			t.Errorf("%s\n got %s\nwant %s", mapping, got, want)
		}
	}
	for _, invalid := range []string{"", "x", "size=x", "id=a,id=b", "Nr,id=a"} {
		if m, err := ParseMapping(invalid); err == nil {
			t.Errorf("ParseMapping(%q) = %v, want an error", invalid, m)
		}
	}
}

func TestDatesFollowTheirOrder(t *testing.T) {
	for pattern, dates := range map[string]map[string]string{
		"dd/mm/yyyy": {"13/06/2013": "2013-06-13", "3.6.13": "2013-06-03", "13/06/2013 10:00": "2013-06-13", "06/13/2013": "", "2013-06-13": "2013-06-13", "1/1/69": "2069-01-01", "1/1/70": "1970-01-01"},
		"m/d/yy":     {"6/13/2013": "2013-06-13", "13/6/2013": ""},
		"":           {"13/06/2013": "", "2013.06.13": "2013-06-13", "2013年6月13日": "2013-06-13", "13 Jun 2013": "2013-06-13", "Jun 13, 2013": "2013-06-13", "2013-06-13junk": "", "0000-01-01": "", "20130613120000": "2013-06-13", "2013-13-01": ""},
	} {
		order := DateOrder("")
		if pattern != "" {
			var err error
			if order, err = ParseDateOrder(pattern); err != nil {
				t.Fatal(err)
			}
		}
		for s, want := range dates {
			if got, err := order.date(s); got != want || (err == nil) != (want != "") {
				t.Errorf("%s: date(%q) = %q, %v, want %q", pattern, s, got, err, want)
			}
		}
	}
	for _, invalid := range []string{"", "dd/mm", "dmyd", "y-d-m", "dd:mm:yyyy"} {
		if order, err := ParseDateOrder(invalid); err == nil {
			t.Errorf("ParseDateOrder(%q) = %q, want an error", invalid, order)
		}
	}
}

func FuzzDate(f *testing.F) {
	f.Add("13/06/2013 10:00", "dmy")
	f.Add("2013-06-13T10:00:00Z", "")
	f.Fuzz(func(t *testing.T, s, order string) {
		date, err := DateOrder(order).date(s)
		if err != nil || date == "" {
			return
		}
		if again, err := DateOrder("").date(date); again != date || err != nil {
			t.Errorf("date(%q) = %q, whose date is %q, %v", s, date, again, err)
		}
	})
}

// FuzzPhoneNumber compares the fast path with the parser.
func FuzzPhoneNumber(f *testing.F) {
	for _, s := range []string{"+33 1 42 68 53 00", "+82 10-1234-5678", "+1.206.555.0100", "+39 06 1234567", "+7 999", "+0 1", "+", "+8821234567890", "1 800 FLOWERS", "+44 20 7946 0000 x12"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := phoneNumber(s, "FR")
		if err == nil {
			if again, err := phoneNumber(got, "KR"); again != got || err != nil {
				t.Errorf("phoneNumber(%q) = %q, again %q, %v", s, got, again, err)
			}
		}
		fast, ok := plainNumber(s)
		if !ok {
			return
		}
		slow, err := phonenumbers.Parse(s, "FR")
		if err != nil || !phonenumbers.IsValidNumber(slow) {
			if phonenumbers.IsValidNumber(fast) {
				t.Errorf("plainNumber(%q) = %v is valid, the parser's %v, %v is not", s, fast, slow, err)
			}
			return
		}
		if a, b := phonenumbers.Format(fast, phonenumbers.E164), phonenumbers.Format(slow, phonenumbers.E164); a != b {
			t.Errorf("plainNumber(%q) is %s, want %s", s, a, b)
		}
	})
}

// FuzzLoadCountsRejectedRows loads arbitrary files in dry runs. The summary must count every rejected row.
func FuzzLoadCountsRejectedRows(f *testing.F) {
	f.Add([]byte("id,name,city,country\n1,A,Paris,FR\n2,\"A,Paris,FR\n3,A,Paris,FR"))
	f.Add([]byte(`{"id":"1","name":"A","city":"Paris","country":"FR"}` + "\n{\n"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		lines := map[int]bool{}
		l := Loader{Country: "KR", Rejected: func(line int, _, reason string) {
			lines[line] = true
			if line < 1 || reason == "" {
				t.Errorf("rejected line %d with reason %q", line, reason)
			}
		}}
		sum, err := l.Load(t.Context(), bytes.NewReader(file))
		if err == nil && (int64(len(lines)) != sum.Rejected || sum.Rejected > sum.Read) {
			t.Errorf("summary %+v, but lines %v were rejected", sum, lines)
		}
	})
}
