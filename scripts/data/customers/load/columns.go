package load

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fields of a customer, in the order of the help text and of Plan.
const (
	fieldID = iota
	fieldCity
	fieldCountry
	fieldName
	fieldEmail
	fieldPhone
	fieldJoined
	fieldPart
	fieldPostcode
	fieldStreet
	fieldCount
)

// field is a field of a customer and the names of its columns.
type field struct {
	name string
	rule string // for the help text
	// names are usual names of the column, the best first, in the form of normalize. A name may follow one of
	// columnPrefixes.
	names []string
	// composed are columns that give the field together. They precede the names from fallback on.
	composed []composedColumn
	fallback int // index in names; 0 if all names precede
}

// composedColumn is a field in several columns. Columns in brackets may be absent.
type composedColumn struct {
	names     []string
	separator string
}

// fields are the fields by their constants.
var fields = normalizedFields([fieldCount]field{
	fieldID: {
		name: "id", rule: "required; printable text of at most 200 bytes, unique for a customer; UUIDs are stored in lower case",
		names: []string{
			"customerid", "customernumber", "customerno", "customercode", "customerkey", "clientid", "clientnumber", "memberid", "memberno", "userid",
			"accountid", "contactid", "personid", "id", "uuid", "guid", "고객번호", "고객id", "고객아이디", "회원번호", "회원id", "아이디", "顧客id", "顧客番号",
			"顧客コード", "会員番号", "会員id", "客户编号", "客户id", "会员编号", "会员id", "numeroclient", "numclient", "nclient", "idclient", "codeclient", "identifiant",
			"kundennummer", "kundenid", "kundennr", "idcliente", "codigocliente", "numerocliente", "codicecliente", "klantnummer", "klantid", "musterino",
			"customeralternatekey", "uniqueid", "customeruniqueid", "number", "no", "geonameid", "codecommuneinsee", "codeinsee",
		},
	},
	fieldCity: {
		name: "city", rule: "required; the place in any language and spelling",
		names: []string{
			"city", "town", "cityname", "townname", "citytown", "locality", "municipality", "placename", "도시", "도시명", "시군구", "시군", "시", "市区町村",
			"都市", "市町村", "市", "城市", "所在城市", "ville", "commune", "nomdelacommune", "nomcommune", "localite", "stadt", "wohnort", "ort", "ciudad",
			"poblacion", "localidad", "municipio", "cidade", "citta", "comune", "localita", "plaats", "woonplaats", "gemeente", "miasto", "miejscowosc",
			"sehir", "город", "stad", "kaupunki", "kota", "thanhpho", "المدينة", "مدينة", "πολη",
		},
	},
	fieldCountry: {
		name: "country", rule: "required unless -country is given; ISO 3166 code of two or three letters or three digits, or the name; US-TX gives the part too",
		names: []string{
			"countrycode", "countryregioncode", "countryiso2", "iso2", "countryiso", "country", "countryregion", "countryname", "englishcountryregionname",
			"countryiso3", "iso3", "nation", "국가", "국가명", "국가코드", "나라", "国", "国名", "国コード", "国家", "国家地区", "国家代码", "pays", "codepays", "land",
			"landercode", "laendercode", "staat", "pais", "codigopais", "paese", "nazione", "ulke", "kraj", "страна", "maa", "negara", "quocgia", "الدولة", "البلد", "χωρα",
		},
	},
	fieldName: {
		name: "name", rule: "kept as written; left out beyond 200 characters",
		names: []string{
			"name", "fullname", "customername", "contactname", "displayname", "이름", "성명", "고객명", "회원명", "氏名", "名前", "お名前", "顧客名", "姓名", "名字",
			"nomcomplet", "nometprenom", "nomprenom", "vollstandigername", "nombrecompleto", "nomecompleto", "nombreyapellidos", "nominativo", "naam", "adsoyad",
			"имя", "фио", "companyname", "company", "nom", "nombre", "nome", "lastname", "surname", "firstname",
		},
		composed: []composedColumn{
			{[]string{"firstname", "[middlename]", "lastname"}, " "}, {[]string{"firstname", "surname"}, " "}, {[]string{"givenname", "familyname"}, " "},
			{[]string{"givenname", "surname"}, " "}, {[]string{"fname", "lname"}, " "}, {[]string{"forename", "surname"}, " "}, {[]string{"prenom", "nom"}, " "},
			{[]string{"prenom", "nomdefamille"}, " "}, {[]string{"vorname", "nachname"}, " "}, {[]string{"nombre", "apellidos"}, " "},
			{[]string{"nombre", "apellido"}, " "}, {[]string{"nome", "cognome"}, " "}, {[]string{"nome", "sobrenome"}, " "},
			{[]string{"voornaam", "achternaam"}, " "}, {[]string{"imie", "nazwisko"}, " "}, {[]string{"ad", "soyad"}, " "}, {[]string{"имя", "фамилия"}, " "},
			{[]string{"姓", "名"}, " "}, {[]string{"성", "이름"}, ""},
		},
		fallback: 27, // companyname
	},
	fieldEmail: {
		name: "email", rule: "left out if it is no address",
		names: []string{
			"email", "emailaddress", "mail", "mailaddress", "이메일", "메일", "이메일주소", "전자우편", "メール", "メールアドレス", "电子邮件", "邮箱", "电子邮箱", "courriel",
			"adressemail", "adresseemail", "adresseelectronique", "correo", "correoelectronico", "eposta", "эл.почта", "почта",
		},
	},
	fieldPhone: {
		name: "phone", rule: "stored in international form; kept as written if it is no number of the country; left out beyond 60 characters",
		names: []string{
			"phone", "phonenumber", "phone1", "telephone", "telephonenumber", "tel", "mobile", "mobilephone", "mobilenumber", "cell", "cellphone", "phoneno",
			"전화번호", "전화", "휴대폰", "휴대전화", "핸드폰", "연락처", "電話番号", "電話", "携帯電話", "电话", "手机", "手机号", "电话号码", "telefon", "telefonnummer", "handy",
			"telefono", "celular", "movil", "telefone", "cellulare", "portable", "numerodetelephone", "telefoon", "телефон", "phone2",
		},
	},
	fieldJoined: {
		name: "joined", rule: "year, month, day such as 2013-06-13, with or without a time; other orders by -dates; left out if it is no date",
		names: []string{
			"joined", "joindate", "joinedat", "dateofjoining", "joiningdate", "registered", "registrationdate", "registeredat", "signupdate", "subscriptiondate",
			"customersince", "datefirstpurchase", "createdat", "created", "createddate", "creationdate", "datecreated", "dateadded", "가입일", "가입일자", "등록일",
			"등록일자", "登録日", "入会日", "登録日時", "注册日期", "注册时间", "dateinscription", "datedinscription", "datecreation", "datedecreation", "registrierungsdatum",
			"eintrittsdatum", "erstelltam", "fechaalta", "fechadealta", "fecharegistro", "datacadastro", "dataregistrazione", "kayittarihi",
		},
	},
	fieldPart: {
		name: "part", rule: "state, province, region or prefecture; tells places of one name apart",
		names: []string{
			"state", "statecode", "statename", "stateprovince", "stateprovincecode", "stateprovincename", "province", "provincecode", "provincename", "region",
			"regionname", "subcountry", "county", "prefecture", "department", "division", "시도", "도", "광역시도", "都道府県", "省", "省份", "州", "departement",
			"etat", "bundesland", "kanton", "estado", "uf", "provincia", "regione", "regiao", "provincie", "wojewodztwo", "область", "регион",
		},
	},
	fieldPostcode: {
		name: "postcode", rule: "kept as written; left out beyond 20 characters",
		names: []string{
			"postcode", "postalcode", "zip", "zipcode", "zippostalcode", "zipcodeprefix", "postalzip", "우편번호", "郵便番号", "邮编", "邮政编码", "codepostal", "cp",
			"plz", "postleitzahl", "codigopostal", "codpostal", "cep", "cap", "codiceavviamentopostale", "kodpocztowy", "postakodu", "индекс", "postnummer", "postinumero",
		},
	},
	fieldStreet: {
		name: "street", rule: "kept as written, line breaks as commas; left out beyond 300 characters",
		names: []string{
			"street", "streetaddress", "addressline", "addressline1", "address1", "line1", "address", "주소", "도로명주소", "상세주소", "住所", "番地", "地址", "详细地址",
			"rue", "adresse", "adresseligne1", "strasse", "straße", "anschrift", "calle", "direccion", "domicilio", "rua", "endereco", "logradouro", "via", "indirizzo",
			"straat", "adres", "ulica", "улица", "адрес", "gata", "katuosoite",
		},
		composed: []composedColumn{
			{[]string{"addressline1", "addressline2"}, ", "}, {[]string{"address1", "address2"}, ", "}, {[]string{"line1", "line2"}, ", "},
			{[]string{"street1", "street2"}, ", "}, {[]string{"straße", "hausnummer"}, " "}, {[]string{"strasse", "hausnummer"}, " "},
		},
		fallback: 2, // addressline
	},
})

// normalizedFields returns the fields with normalized names.
func normalizedFields(all [fieldCount]field) [fieldCount]field {
	for i := range all {
		for j, name := range all[i].names {
			all[i].names[j] = normalize(name)
		}
		for _, c := range all[i].composed {
			for j, name := range c.names {
				if !strings.HasPrefix(name, "[") {
					c.names[j] = normalize(name)
				}
			}
		}
	}
	return all
}

// columnPrefixes are words before the name of a column that do not change its meaning, the best first.
var columnPrefixes = []string{
	"customer", "client", "member", "user", "contact", "person", "cust", "home", "shipping", "shipto", "ship", "delivery", "mailing", "billing", "billto",
	"bill", "address", "addr", "primary", "main", "default", "고객", "회원", "배송지", "顧客", "会員", "客户", "会员", "kunden", "kunde", "cliente", "klant", "dim", "english",
}

// rank returns how well a column name fits a field, lower is better, and false if it does not fit. name is normalized. Two
// prefixes may precede, such as those of customer.address.city.
func (f *field) rank(name string) (int, bool) {
	const step = 1000
	if i := slices.Index(f.names, name); i >= 0 {
		return i, true
	}
	for p, prefix := range columnPrefixes {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if i := slices.Index(f.names, rest); i >= 0 {
			return (p+1)*step + i, true
		}
		for q, second := range columnPrefixes {
			if rest, ok := strings.CutPrefix(rest, second); ok {
				if i := slices.Index(f.names, rest); i >= 0 {
					return ((p+1)*len(columnPrefixes)+q+1)*step + i, true
				}
			}
		}
	}
	return 0, false
}

// normalize returns the form of a column name in which names are compared: lower case letters and digits without accents.
func normalize(name string) string {
	if len(name) > 200 {
		return ""
	}
	keep := func(r rune) rune {
		isAccent := r >= 0x300 && r <= 0x36f // unlike the voiced marks of kana, which make another letter
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) && !isAccent {
			return unicode.ToLower(r)
		}
		return -1 // spaces and punctuation
	}
	return norm.NFC.String(strings.Map(keep, norm.NFKD.String(name)))
}

// KnownColumn reports whether a column name fits a field.
func KnownColumn(name string) bool {
	name = normalize(name)
	if name == "" {
		return false
	}
	for i := range fields {
		if _, ok := fields[i].rank(name); ok {
			return true
		}
		for _, c := range fields[i].composed {
			if slices.Contains(c.names, name) {
				return true
			}
		}
	}
	return false
}

// Mapping is the choice of columns of the command line: the columns of each field by its name. A field without columns is
// not read; a field that is not in the mapping is found by the names of the columns.
type Mapping map[string][]string

// mappedField matches the start of an assignment in a mapping.
var mappedField = regexp.MustCompile(`(?:^|,)\s*(id|city|country|name|email|phone|joined|part|postcode|street)\s*=`)

// ParseMapping parses a mapping such as "city=customer_city,name=First Name+Last Name". A "+" composes a field of several
// columns, and a name may contain commas.
func ParseMapping(text string) (Mapping, error) {
	m := Mapping{}
	starts := mappedField.FindAllStringSubmatchIndex(text, -1)
	if len(starts) == 0 || starts[0][0] != 0 {
		return nil, errors.New("mapping is not FIELD=COLUMN,…; fields: " + strings.Join(FieldNames(), ", "))
	}
	for i, at := range starts {
		name, end := text[at[2]:at[3]], len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		if _, ok := m[name]; ok {
			return nil, fmt.Errorf("field %s is mapped twice", name)
		}
		m[name] = nil
		if column := strings.TrimSpace(text[at[1]:end]); column != "" {
			m[name] = []string{column}
		}
	}
	return m, nil
}

// FieldNames returns the names of the fields.
func FieldNames() []string {
	names := make([]string, fieldCount)
	for i := range fields {
		names[i] = fields[i].name
	}
	return names
}

// Help describes each field: its name, its rule and usual names of its columns.
func Help() string {
	var b strings.Builder
	for i := range fields {
		f := &fields[i]
		fmt.Fprintf(&b, "  %-9s %s\n            found as: %s\n", f.name, f.rule, strings.Join(f.names, ", "))
		for _, c := range f.composed {
			fmt.Fprintf(&b, "            or: %s\n", strings.Join(c.names, " + "))
		}
	}
	return b.String()
}

// columnSource are the columns of a file that give a field.
type columnSource struct {
	columns   []int // indices in the header; nil if the file does not have the field
	separator string
}

// layout maps the fields to columns of a file.
type layout [fieldCount]columnSource

// layoutOf returns the layout for a header. country reports that the country has a default. The error says which columns
// are missing; it names no column of the file, because a file without a header has a customer there.
func layoutOf(header []string, mapping Mapping, country bool) (layout, error) {
	var l layout
	names := make([]string, len(header))
	for i, h := range header {
		names[i] = normalize(h)
	}
	for i := range fields {
		if columns, ok := mapping[fields[i].name]; ok {
			source, err := mappedColumns(i, columns, header, names)
			if err != nil {
				return l, err
			}
			l[i] = source
			continue
		}
		source, err := fields[i].find(names)
		if err != nil {
			return l, err
		}
		l[i] = source
	}
	// A list of places has its places in the column name.
	_, mapped := mapping["city"]
	if at := l[fieldName].columns; l[fieldCity].columns == nil && !mapped && len(at) == 1 && names[at[0]] == "name" && slices.Contains(names, "geonameid") {
		l[fieldCity], l[fieldName] = l[fieldName], columnSource{}
	}
	var missing []string
	for _, i := range []int{fieldID, fieldCity, fieldCountry} {
		if l[i].columns == nil && (i != fieldCountry || !country) {
			missing = append(missing, fields[i].name)
		}
	}
	if missing != nil {
		hint := "name it with -map " + missing[0] + "=COLUMN"
		if slices.Equal(missing, []string{"country"}) {
			hint = "name it with -map country=COLUMN, or give one for all rows with -country"
		}
		return l, fmt.Errorf("read header: none of its %d columns is named like %s; %s; -help lists the names", len(header), strings.Join(missing, ", "), hint)
	}
	return l, nil
}

// mappedColumns returns the source for a field with the columns of a mapping.
func mappedColumns(i int, columns, header, names []string) (columnSource, error) {
	source := columnSource{separator: map[int]string{fieldStreet: ", ", fieldID: "-"}[i]}
	if source.separator == "" {
		source.separator = " "
	}
	find := func(column string) int {
		if at := slices.Index(header, column); at >= 0 {
			return at
		}
		if name := normalize(column); name != "" {
			return slices.Index(names, name)
		}
		return -1
	}
	for _, column := range columns {
		if at := find(column); at >= 0 {
			source.columns = append(source.columns, at)
			continue
		}
		for part := range strings.SplitSeq(column, "+") {
			at := find(strings.TrimSpace(part))
			if at < 0 {
				return source, fmt.Errorf("read header: no column %q for -map %s", strings.TrimSpace(part), fields[i].name)
			}
			source.columns = append(source.columns, at)
		}
	}
	return source, nil
}

// find returns the columns of a field. names are the normalized names of the header. It returns an error if two columns
// have the same best name.
func (f *field) find(names []string) (columnSource, error) {
	best, bestRank, twice := -1, 0, false
	for i, name := range names {
		if name == "" {
			continue
		}
		rank, ok := f.rank(name)
		switch {
		case ok && (best < 0 || rank < bestRank):
			best, bestRank, twice = i, rank, false
		case ok && rank == bestRank:
			twice = true
		}
	}
	if best < 0 || f.fallback > 0 && bestRank >= f.fallback {
		for _, c := range f.composed {
			if source, ok := c.find(names); ok {
				return source, nil
			}
		}
	}
	if best < 0 {
		return columnSource{}, nil
	}
	if twice {
		return columnSource{}, fmt.Errorf("read header: two columns are named like %s; choose one with -map %s=COLUMN", f.name, f.name)
	}
	return columnSource{columns: []int{best}}, nil
}

// find returns the columns of a composed field, and false if the header does not have all of them.
func (c composedColumn) find(names []string) (columnSource, bool) {
	source := columnSource{separator: c.separator}
	for _, name := range c.names {
		optional := strings.HasPrefix(name, "[")
		name = strings.Trim(name, "[]")
		at := slices.Index(names, name)
		for _, prefix := range columnPrefixes {
			if at < 0 {
				at = slices.Index(names, prefix+name)
			}
		}
		if at >= 0 {
			source.columns = append(source.columns, at)
		} else if !optional {
			return source, false
		}
	}
	return source, true
}

// value returns the value of a field in a row: its cells without empty ones.
func (s *columnSource) value(cells []string) string {
	if len(s.columns) == 1 {
		if i := s.columns[0]; i < len(cells) {
			return clean(cells[i])
		}
		return ""
	}
	var parts []string
	for _, i := range s.columns {
		if i < len(cells) {
			if v := clean(cells[i]); v != "" {
				parts = append(parts, v)
			}
		}
	}
	return strings.Join(parts, s.separator)
}

// Column is a column of a file in a Plan.
type Column struct {
	Field string // name of the field, "" if the column is not read
	Names []string
}

// Plan describes for people how a file is read. It names only columns, and is made only if the file has a header.
type Plan struct {
	Form    string // see table.Reader.Form
	Columns []Column
	Unread  []string // at most 20
}

// plan returns the plan for a layout.
func (l *layout) plan(form string, header []string) Plan {
	p := Plan{Form: form}
	read := map[int]bool{}
	for i := range fields {
		if l[i].columns == nil {
			continue
		}
		c := Column{Field: fields[i].name}
		for _, at := range l[i].columns {
			c.Names = append(c.Names, header[at])
			read[at] = true
		}
		p.Columns = append(p.Columns, c)
	}
	for i, name := range header {
		if !read[i] && len(p.Unread) < 20 && name != "" {
			p.Unread = append(p.Unread, name)
		}
	}
	return p
}
