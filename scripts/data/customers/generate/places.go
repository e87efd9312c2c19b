package generate

// country is the naming data of a country. In patterns, # stands for a digit and @ for a capital letter.
type country struct {
	code               string
	order              string // format of a given name and a family name
	given, family      []string
	phone, postcode    string // patterns; see digits
	address            string // {s} stands for a street, {n} for a house number
	streets            []string
	townBegin, townEnd []string // parts of the names of small towns
}

// countries are the countries of small towns. The names are common in their country.
var countries = []country{
	{
		code: "KR", order: "%[2]s%[1]s", phone: "+82 10 0### ####", postcode: "#####", address: "{s} {n}",
		given:     []string{"민준", "서연", "지우", "하은", "도윤", "서준", "예은", "지민", "수빈", "현우", "채원", "유진", "은우", "다은", "시우", "태민"},
		family:    []string{"김", "이", "박", "최", "정", "강", "조", "윤", "장", "임", "한", "오", "서", "신", "권", "황"},
		streets:   []string{"세종대로", "강남대로", "중앙로", "한강로", "해운대로", "월드컵로", "벚꽃길", "은하수길"},
		townBegin: []string{"새", "큰", "작은", "윗", "아랫", "솔", "달", "별", "꽃", "푸른", "하늘", "바람"},
		townEnd:   []string{"마을", "골", "내", "뫼", "들", "터", "재", "섬", "나루", "말"},
	},
	{
		code: "JP", order: "%[2]s %[1]s", phone: "+81 90 0### ####", postcode: "###-####", address: "{s}{n}番地",
		given:     []string{"陽葵", "結衣", "さくら", "蓮", "湊", "ひなた", "美咲", "翔太", "あおい", "大翔", "莉子", "ゆい", "健太", "舞", "まりん", "悠真"},
		family:    []string{"佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤", "吉田", "山田", "佐々木", "松本"},
		streets:   []string{"本町", "栄町", "緑町", "桜町", "中央", "旭町", "港町", "若葉台"},
		townBegin: []string{"東", "西", "南", "北", "上", "下", "中", "新", "大", "小", "高", "長"},
		townEnd:   []string{"川", "山", "原", "野", "島", "崎", "沢", "谷", "浜", "森"},
	},
	{
		code: "CN", order: "%[2]s%[1]s", phone: "+86 10 0### ####", postcode: "######", address: "{s}{n}号",
		given:     []string{"伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "洋", "艳", "勇", "婷", "雪", "欣怡", "子涵", "梓萱"},
		family:    []string{"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱"},
		streets:   []string{"人民路", "中山路", "解放路", "建设路", "和平路", "新华路"},
		townBegin: []string{"安", "宁", "平", "永", "长", "清", "临", "新", "兴", "福", "昌", "德"},
		townEnd:   []string{"州", "县", "阳", "城", "镇", "江", "山", "水", "溪", "源"},
	},
	{
		code: "TW", order: "%[2]s%[1]s", phone: "+886 9 00## ####", postcode: "###", address: "{s}{n}號",
		given:     []string{"怡君", "雅婷", "志豪", "俊傑", "淑芬", "宗翰", "佳穎", "承恩", "詩涵", "冠宇"},
		family:    []string{"陳", "林", "黃", "張", "李", "王", "吳", "劉", "蔡", "楊", "許", "鄭"},
		streets:   []string{"中正路", "民生路", "忠孝路", "仁愛路", "和平路"},
		townBegin: []string{"東", "西", "南", "北", "新", "大", "竹", "花", "鹿", "龍"},
		townEnd:   []string{"港", "林", "埔", "園", "屯", "里", "山", "湖", "崎", "庄"},
	},
	{
		code: "US", order: "%[1]s %[2]s", phone: "+1 555 555 01##", postcode: "#####", address: "{n} {s}",
		given:     []string{"Emma", "Liam", "Olivia", "Noah", "Ava", "Ethan", "Mia", "Jayden", "Sofia", "Aaliyah", "Zoe", "Mason", "Hailey", "Tyrone", "Maya", "Caleb"},
		family:    []string{"Smith", "Johnson", "Williams", "Brown", "Garcia", "Miller", "Davis", "Rodriguez", "Nguyen", "Kim", "Lee", "Jackson", "White", "O'Neill"},
		streets:   []string{"Main Street", "Oak Avenue", "Maple Drive", "Elm Street", "Park Road", "Sunset Boulevard", "2nd Avenue"},
		townBegin: []string{"New", "Lake", "Fort", "Mount", "Spring", "Cedar", "Oak", "Pine", "Maple", "Silver", "Green", "West"},
		townEnd:   []string{"ville", "ton", " Falls", " Creek", " Ridge", "field", " Hill", " Grove", "wood", " Springs"},
	},
	{
		code: "CA", order: "%[1]s %[2]s", phone: "+1 555 555 01##", postcode: "K#A #B#", address: "{n} {s}",
		given:     []string{"Charlotte", "Jack", "Amelia", "Lucas", "Chloé", "William", "Juliette", "Logan", "Aria", "Thomas"},
		family:    []string{"Tremblay", "Roy", "MacDonald", "Singh", "Gagnon", "Wilson", "Chen", "Patel", "Bouchard", "Fraser"},
		streets:   []string{"King Street", "Queen Street", "Rue Principale", "Yonge Street", "Victoria Avenue"},
		townBegin: []string{"Saint-", "North", "Port", "Grand", "Moose", "Beaver", "Elk", "Trout", "White", "Stoney"},
		townEnd:   []string{"bridge", "brook", "river", "haven", "lake", "view", "dale", "point", "mere", "shore"},
	},
	{
		code: "MX", order: "%[1]s %[2]s", phone: "+52 0## ### ####", postcode: "#####", address: "{s} {n}",
		given:     []string{"Valentina", "Santiago", "Ximena", "Mateo", "Regina", "Diego", "Fernanda", "Emiliano", "Camila", "José"},
		family:    []string{"Hernández", "García", "Martínez", "López", "González", "Pérez", "Ramírez", "Núñez", "Muñoz", "Peña"},
		streets:   []string{"Avenida Juárez", "Calle Hidalgo", "Calle Morelos", "Avenida Reforma", "Calle Niños Héroes"},
		townBegin: []string{"San Pedro", "San Juan", "Santa María", "Santiago", "San Miguel", "Villa", "Ciudad", "Puerto", "Santa Cruz", "San Luis"},
		townEnd:   []string{" del Río", " de la Cruz", " de los Ángeles", " del Valle", " Nuevo", " Viejo", " de Arriba", " del Mar", " Hidalgo", " Juárez"},
	},
	{
		code: "BR", order: "%[1]s %[2]s", phone: "+55 0# 9#### ####", postcode: "#####-###", address: "{s}, {n}",
		given:     []string{"Maria", "João", "Ana", "Gabriel", "Beatriz", "Lucas", "Larissa", "Guilherme", "Júlia", "Antônio", "Letícia", "Vinícius"},
		family:    []string{"Silva", "Santos", "Oliveira", "Souza", "Lima", "Pereira", "Ferreira", "Conceição", "Araújo", "Gonçalves"},
		streets:   []string{"Rua das Flores", "Avenida Paulista", "Rua São João", "Rua Sete de Setembro", "Avenida Brasil"},
		townBegin: []string{"São Bento", "Santa Rita", "Nova", "Campo", "Porto", "Ribeirão", "Serra", "Lagoa", "Monte", "Boa Vista"},
		townEnd:   []string{" do Sul", " do Norte", " da Serra", " das Águas", " Verde", " Grande", " Alegre", " Dourado", " do Oeste", " das Flores"},
	},
	{
		code: "AR", order: "%[1]s %[2]s", phone: "+54 0## ### ####", postcode: "####", address: "{s} {n}",
		given:     []string{"Martina", "Benjamín", "Catalina", "Joaquín", "Agustina", "Thiago", "Delfina", "Bautista"},
		family:    []string{"Fernández", "Rodríguez", "Gómez", "Díaz", "Sosa", "Romero", "Álvarez", "Benítez"},
		streets:   []string{"Avenida San Martín", "Calle Belgrano", "Avenida Rivadavia", "Calle Mitre"},
		townBegin: []string{"Villa", "General", "Coronel", "Puerto", "Colonia", "San Martín", "Las", "Los"},
		townEnd:   []string{" Belgrano", " Mitre", " Sarmiento", " Roca", " Alegre", " Toldos", " Flores", " Paz"},
	},
	{
		code: "CL", order: "%[1]s %[2]s", phone: "+56 0 #### ####", postcode: "#######", address: "{s} {n}",
		given:     []string{"Isidora", "Vicente", "Florencia", "Maximiliano", "Antonella", "Tomás"},
		family:    []string{"Muñoz", "Rojas", "Díaz", "Soto", "Contreras", "Silva", "Sepúlveda"},
		streets:   []string{"Avenida Libertad", "Calle O'Higgins", "Calle Prat", "Avenida Alemania"},
		townBegin: []string{"Puerto", "Villa", "San", "Los", "Alto", "Nueva"},
		townEnd:   []string{" Natales", " Montt", " Ángeles", " Fernando", " Hospicio", " Alegre"},
	},
	{
		code: "ES", order: "%[1]s %[2]s", phone: "+34 0## ### ###", postcode: "#####", address: "{s}, {n}",
		given:     []string{"Lucía", "Hugo", "Sofía", "Martín", "Paula", "Álvaro", "Carla", "Íñigo", "Noa", "Begoña"},
		family:    []string{"García", "Fernández", "González", "Rodríguez", "López", "Ibáñez", "Muñoz", "Ortúñez"},
		streets:   []string{"Calle Mayor", "Calle Real", "Plaza de España", "Avenida de la Constitución", "Gran Vía"},
		townBegin: []string{"Villanueva", "Castro", "Torre", "Puebla", "Alcalá", "Medina", "Fuente", "Peña"},
		townEnd:   []string{" de la Sierra", " del Campo", " de Abajo", " del Río", " de los Infantes", " la Vieja", " del Rey", " de Arriba"},
	},
	{
		code: "FR", order: "%[1]s %[2]s", phone: "+33 6 39 98 ## ##", postcode: "#####", address: "{n} {s}",
		given:     []string{"Léa", "Louis", "Chloé", "Gabriel", "Manon", "Raphaël", "Inès", "Jules", "Zoé", "Maël", "Éloïse", "Théo"},
		family:    []string{"Martin", "Bernard", "Dubois", "Thomas", "Lefèvre", "Moreau", "Laurent", "Lefebvre", "Roux", "François", "D'Angelo", "Noël"},
		streets:   []string{"rue de la République", "rue Victor Hugo", "avenue Jean Jaurès", "rue de l'Église", "place du Marché", "rue des Écoles"},
		townBegin: []string{"Saint-Martin", "Saint-Pierre", "Villeneuve", "Beaumont", "Montreuil", "Châteauneuf", "Neuville", "La Roche", "Sainte-Marie", "Bourg"},
		townEnd:   []string{"-sur-Loire", "-la-Forêt", "-en-Bresse", "-les-Bains", "-sous-Bois", "-sur-Mer", "-le-Vieux", "-aux-Bois", "-du-Lac", "-l'Abbé"},
	},
	{
		code: "DE", order: "%[1]s %[2]s", phone: "+49 0## #######", postcode: "#####", address: "{s} {n}",
		given:     []string{"Mia", "Ben", "Emilia", "Finn", "Hannah", "Jonas", "Lena", "Jürgen", "Käthe", "Björn", "Zoë", "Max"},
		family:    []string{"Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Weiß", "Schäfer", "Groß", "Köhler", "Yılmaz"},
		streets:   []string{"Hauptstraße", "Bahnhofstraße", "Schulstraße", "Gartenweg", "Am Markt", "Goethestraße"},
		townBegin: []string{"Neu", "Alt", "Ober", "Unter", "Nieder", "Rosen", "Linden", "Königs", "Eich", "Stein"},
		townEnd:   []string{"bach", "dorf", "heim", "hausen", "berg", "feld", "stadt", "kirchen", "walde", "brück"},
	},
	{
		code: "GB", order: "%[1]s %[2]s", phone: "+44 7700 900###", postcode: "SW# #AA", address: "{n} {s}",
		given:     []string{"Olivia", "George", "Isla", "Oscar", "Poppy", "Alfie", "Siân", "Hamish", "Freya", "Rhys"},
		family:    []string{"Smith", "Jones", "Taylor", "Evans", "Thomas", "Patel", "Khan", "MacLeod", "Davies", "Byrne"},
		streets:   []string{"High Street", "Church Lane", "Station Road", "Victoria Road", "The Green", "Mill Lane"},
		townBegin: []string{"Great ", "Little ", "Upper ", "Lower ", "East ", "West ", "North ", "Market ", "Long ", "Old "},
		townEnd:   []string{"ham", "thorpe", "worth", "combe", "bury", "stead", "wick", "minster", "leigh", "ford"},
	},
	{
		code: "IE", order: "%[1]s %[2]s", phone: "+353 0# ### ####", postcode: "D## @@##", address: "{n} {s}",
		given:     []string{"Aoife", "Seán", "Saoirse", "Cillian", "Niamh", "Oisín"},
		family:    []string{"Murphy", "Kelly", "Ó'Sullivan", "Walsh", "O'Brien", "Byrne"},
		streets:   []string{"O'Connell Street", "Main Street", "Patrick Street", "Mill Road"},
		townBegin: []string{"Bally", "Kil", "Dun", "Knock", "Clon", "Inis"},
		townEnd:   []string{"more", "kenny", "beg", "lin", "easkey", "mel"},
	},
	{
		code: "IT", order: "%[1]s %[2]s", phone: "+39 0## #######", postcode: "#####", address: "{s}, {n}",
		given:     []string{"Giulia", "Leonardo", "Sofia", "Francesco", "Aurora", "Niccolò", "Chiara", "Lorenzo"},
		family:    []string{"Rossi", "Russo", "Ferrari", "Esposito", "Bianchi", "D'Amico", "Fabbri", "Conti"},
		streets:   []string{"Via Roma", "Via Garibaldi", "Corso Italia", "Piazza Dante", "Via Mazzini"},
		townBegin: []string{"Castel", "Monte", "Borgo", "San ", "Rocca", "Villa", "Campo", "Ponte"},
		townEnd:   []string{"fiorito", "alto", "vecchio", "nuovo", "verde", "bello", "rosso", "chiaro"},
	},
	{
		code: "PT", order: "%[1]s %[2]s", phone: "+351 0## ### ###", postcode: "####-###", address: "{s}, {n}",
		given:     []string{"Matilde", "Rodrigo", "Leonor", "Afonso", "Inês", "Simão"},
		family:    []string{"Silva", "Santos", "Ferreira", "Gonçalves", "Simões", "Araújo"},
		streets:   []string{"Rua Direita", "Avenida da Liberdade", "Rua do Carmo"},
		townBegin: []string{"Vila", "Santa", "Póvoa", "Aldeia", "Ribeira", "Torre"},
		townEnd:   []string{" Nova", " de Cima", " do Mar", " das Flores", " Velha", " da Serra"},
	},
	{
		code: "NL", order: "%[1]s %[2]s", phone: "+31 0# ### ####", postcode: "#### @@", address: "{s} {n}",
		given:     []string{"Emma", "Daan", "Sanne", "Sem", "Lotte", "Thijs", "Fenna", "Ruben"},
		family:    []string{"de Jong", "Jansen", "de Vries", "van den Berg", "Bakker", "Visser", "Smit"},
		streets:   []string{"Dorpsstraat", "Kerkstraat", "Molenweg", "Stationsplein"},
		townBegin: []string{"Nieuw", "Oud", "Noord", "Zuid", "Ooster", "Wester"},
		townEnd:   []string{"dorp", "wijk", "veen", "kerk", "beek", "hoven"},
	},
	{
		code: "SE", order: "%[1]s %[2]s", phone: "+46 0# ### ## ##", postcode: "### ##", address: "{s} {n}",
		given:     []string{"Alice", "Elias", "Maja", "Åke", "Linnéa", "Björn", "Östen"},
		family:    []string{"Andersson", "Johansson", "Åberg", "Söderström", "Öberg", "Lindqvist"},
		streets:   []string{"Storgatan", "Kungsgatan", "Skolgatan", "Ängsvägen"},
		townBegin: []string{"Norr", "Söder", "Öster", "Väster", "Ny", "Gammel"},
		townEnd:   []string{"köping", "berga", "torp", "sund", "vik", "ås"},
	},
	{
		code: "NO", order: "%[1]s %[2]s", phone: "+47 0## ## ###", postcode: "####", address: "{s} {n}",
		given:     []string{"Nora", "Jakob", "Ingrid", "Håkon", "Sølvi", "Øyvind"},
		family:    []string{"Hansen", "Olsen", "Bjørnstad", "Ødegård", "Åsen"},
		streets:   []string{"Storgata", "Kirkeveien", "Skolegata", "Fjordveien"},
		townBegin: []string{"Nord", "Sør", "Øst", "Vest", "Stor", "Små"},
		townEnd:   []string{"nes", "vik", "dal", "heim", "fjord", "øy"},
	},
	{
		code: "PL", order: "%[1]s %[2]s", phone: "+48 0## ### ###", postcode: "##-###", address: "ul. {s} {n}",
		given:     []string{"Zuzanna", "Antoni", "Julia", "Łukasz", "Małgorzata", "Świętosław", "Michał", "Żaneta"},
		family:    []string{"Nowak", "Kowalska", "Wiśniewski", "Wójcik", "Dąbrowska", "Łuczak", "Żak"},
		streets:   []string{"Kościuszki", "Mickiewicza", "Długa", "Szkolna", "Łąkowa"},
		townBegin: []string{"Nowa ", "Stara ", "Mała ", "Wielka ", "Górna ", "Dolna "},
		townEnd:   []string{"Wieś", "Góra", "Wola", "Dąbrowa", "Łąka", "Huta"},
	},
	{
		code: "TR", order: "%[1]s %[2]s", phone: "+90 0## ### ## ##", postcode: "#####", address: "{s} No: {n}",
		given:     []string{"Zeynep", "Yusuf", "Elif", "Mustafa", "Ayşe", "Çağla", "Özgür", "İrem", "Işıl"},
		family:    []string{"Yılmaz", "Kaya", "Demir", "Şahin", "Çelik", "Öztürk", "Güneş"},
		streets:   []string{"Atatürk Caddesi", "İstiklal Caddesi", "Çiçek Sokak", "Gül Sokak"},
		townBegin: []string{"Yeni", "Eski", "Ak", "Kara", "Kızıl", "Büyük"},
		townEnd:   []string{"köy", "hisar", "su", "dağ", "pınar", "kent"},
	},
	{
		code: "RU", order: "%[1]s %[2]s", phone: "+7 000 ###-##-##", postcode: "######", address: "ул. {s}, д. {n}",
		given:     []string{"Анна", "Иван", "Мария", "Дмитрий", "Екатерина", "Артём", "Софья", "Максим", "Полина", "Юлия"},
		family:    []string{"Иванова", "Смирнов", "Кузнецова", "Попов", "Соколова", "Лебедев", "Новикова", "Козлов"},
		streets:   []string{"Ленина", "Мира", "Пушкина", "Садовая", "Лесная", "Молодёжная"},
		townBegin: []string{"Ново", "Старо", "Красно", "Верхне", "Нижне", "Бело"},
		townEnd:   []string{"горск", "уральск", "камск", "реченск", "озёрск", "дольск"},
	},
	{
		code: "UA", order: "%[1]s %[2]s", phone: "+380 0# ### ## ##", postcode: "#####", address: "вул. {s}, {n}",
		given:     []string{"Олена", "Андрій", "Соломія", "Тарас", "Ірина", "Богдан", "Оксана", "Їжакевич"},
		family:    []string{"Шевченко", "Бондаренко", "Ткаченко", "Коваленко", "Кравець"},
		streets:   []string{"Шевченка", "Франка", "Садова", "Незалежності"},
		townBegin: []string{"Ново", "Старо", "Зелено", "Верхньо", "Біло", "Чорно"},
		townEnd:   []string{"град", "піль", "гора", "дністровськ", "річка", "лісся"},
	},
	{
		code: "GR", order: "%[1]s %[2]s", phone: "+30 0## #######", postcode: "### ##", address: "{s} {n}",
		given:     []string{"Μαρία", "Γιώργος", "Ελένη", "Δημήτρης", "Κατερίνα", "Νίκος"},
		family:    []string{"Παπαδόπουλος", "Γεωργίου", "Νικολάου", "Οικονόμου", "Παππάς"},
		streets:   []string{"Ερμού", "Σταδίου", "Πανεπιστημίου", "Αγίου Γεωργίου"},
		townBegin: []string{"Νέα ", "Παλαιά ", "Άνω ", "Κάτω ", "Μεγάλη ", "Μικρή "},
		townEnd:   []string{"Σμύρνη", "Χώρα", "Βρύση", "Πέτρα", "Αγορά", "Λίμνη"},
	},
	{
		code: "SA", order: "%[1]s %[2]s", phone: "+966 0# ### ####", postcode: "#####", address: "{n} {s}",
		given:     []string{"نورة", "محمد", "سارة", "عبدالله", "ريم", "خالد", "لمى", "فيصل"},
		family:    []string{"العتيبي", "القحطاني", "الغامدي", "الزهراني", "الشهري", "الدوسري"},
		streets:   []string{"شارع الملك فهد", "طريق الأمير سلطان", "شارع التحلية"},
		townBegin: []string{"وادي ", "جبل ", "عين ", "قصر ", "واحة ", "دار "},
		townEnd:   []string{"النور", "السلام", "الزهور", "الرمال", "النخيل", "الأمل"},
	},
	{
		code: "EG", order: "%[1]s %[2]s", phone: "+20 0## ### ####", postcode: "#####", address: "{n} {s}",
		given:     []string{"مريم", "أحمد", "فاطمة", "يوسف", "نور", "عمر", "حبيبة", "كريم"},
		family:    []string{"حسن", "إبراهيم", "السيد", "مصطفى", "عبدالرحمن", "منصور"},
		streets:   []string{"شارع التحرير", "شارع النيل", "شارع الهرم"},
		townBegin: []string{"كفر ", "منية ", "ميت ", "عزبة ", "شبرا ", "نجع "},
		townEnd:   []string{"الشيخ", "الزيات", "غمر", "الورد", "النخل", "القمح"},
	},
	{
		code: "IL", order: "%[1]s %[2]s", phone: "+972 0# ### ####", postcode: "#######", address: "{s} {n}",
		given:     []string{"נועה", "דוד", "תמר", "יוסף", "מאיה", "אריאל"},
		family:    []string{"כהן", "לוי", "מזרחי", "פרץ", "ביטון"},
		streets:   []string{"רחוב הרצל", "רחוב ויצמן", "דרך השלום"},
		townBegin: []string{"גבעת ", "קרית ", "בית ", "נווה ", "תל ", "רמת "},
		townEnd:   []string{"השלום", "האור", "הדקל", "הים", "הזית", "השקד"},
	},
	{
		code: "IN", order: "%[1]s %[2]s", phone: "+91 0#### #####", postcode: "######", address: "{n}, {s}",
		given:     []string{"आराध्या", "विवान", "अनन्या", "आदित्य", "Priya", "Arjun", "दीया", "कबीर", "Kavya", "ரோஹன்"},
		family:    []string{"Sharma", "शर्मा", "Patel", "Singh", "गुप्ता", "Reddy", "Iyer", "वर्मा"},
		streets:   []string{"MG Road", "Gandhi Nagar", "Station Road", "Nehru Street", "महात्मा गांधी मार्ग"},
		townBegin: []string{"Ram", "Krishna", "Gopal", "Raj", "Sita", "Hari", "Jay", "Chandra"},
		townEnd:   []string{"pur", "nagar", "garh", "abad", "ganj", "palli", "gaon", "pet"},
	},
	{
		code: "TH", order: "%[1]s %[2]s", phone: "+66 0# ### ####", postcode: "#####", address: "{n} {s}",
		given:     []string{"ณัฐธิดา", "ธนกร", "พิมพ์ชนก", "กิตติพงษ์", "ศิริพร", "อนันดา"},
		family:    []string{"สุขใจ", "ทองดี", "แสงทอง", "ศรีสุข", "วงศ์สวัสดิ์"},
		streets:   []string{"ถนนสุขุมวิท", "ถนนพระราม 4", "ถนนเจริญกรุง"},
		townBegin: []string{"บ้าน", "หนอง", "บาง", "ห้วย", "คลอง", "ท่า"},
		townEnd:   []string{"ใหม่", "บัว", "แก้ว", "ยาว", "แดง", "ทราย"},
	},
	{
		code: "VN", order: "%[2]s %[1]s", phone: "+84 0## ### ###", postcode: "######", address: "{n} {s}",
		given:     []string{"Thị Hương", "Văn Minh", "Ngọc Ánh", "Đức Anh", "Thùy Linh", "Quốc Bảo", "Mỹ Duyên"},
		family:    []string{"Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Đặng", "Bùi", "Đỗ"},
		streets:   []string{"Lê Lợi", "Nguyễn Huệ", "Trần Hưng Đạo", "Hai Bà Trưng"},
		townBegin: []string{"Tân ", "Phú ", "An ", "Bình ", "Vĩnh ", "Long "},
		townEnd:   []string{"Thạnh", "Hòa", "Phước", "Lộc", "Khánh", "Mỹ"},
	},
	{
		code: "ID", order: "%[1]s %[2]s", phone: "+62 0## #### ####", postcode: "#####", address: "Jl. {s} No. {n}",
		given:     []string{"Siti", "Budi", "Dewi", "Agus", "Putri", "Rizky", "Ayu", "Bambang"},
		family:    []string{"Santoso", "Wijaya", "Lestari", "Pratama", "Hidayat", "Kusuma"},
		streets:   []string{"Sudirman", "Thamrin", "Merdeka", "Diponegoro"},
		townBegin: []string{"Suka", "Kota", "Karang", "Tanjung", "Banjar", "Sumber"},
		townEnd:   []string{"rejo", "mulya", "sari", "jaya", "agung", "makmur"},
	},
	{
		code: "PH", order: "%[1]s %[2]s", phone: "+63 0## ### ####", postcode: "####", address: "{n} {s}",
		given:     []string{"Angelica", "John Mark", "Althea", "Princess", "Jose", "Bea", "Angelo"},
		family:    []string{"Santos", "Reyes", "Cruz", "Bautista", "dela Cruz", "Peñaflor", "Villanueva"},
		streets:   []string{"Rizal Street", "Mabini Street", "Bonifacio Avenue", "Del Pilar Street"},
		townBegin: []string{"San ", "Santa ", "Santo ", "Bagong ", "Puerto ", "Nueva "},
		townEnd:   []string{"Rosa", "Isidro", "Tomas", "Silang", "Galera", "Ecija"},
	},
	{
		code: "MY", order: "%[1]s %[2]s", phone: "+60 0# ### ####", postcode: "#####", address: "{n}, {s}",
		given:     []string{"Nurul", "Muhammad", "Aisyah", "Wei Ling", "Siew Mei", "Kumar", "Farah"},
		family:    []string{"Abdullah", "Ismail", "Tan", "Lim", "Rajan", "Wong"},
		streets:   []string{"Jalan Ampang", "Jalan Merdeka", "Jalan Bukit Bintang"},
		townBegin: []string{"Kampung ", "Bukit ", "Sungai ", "Kuala ", "Taman ", "Batu "},
		townEnd:   []string{"Baru", "Indah", "Besar", "Jaya", "Maju", "Permai"},
	},
	{
		code: "SG", order: "%[1]s %[2]s", phone: "+65 0### ####", postcode: "######", address: "{n} {s}",
		given:     []string{"Hui Min", "Jun Wei", "Aishah", "Darren", "Xin Yi", "Priya"},
		family:    []string{"Tan", "Lim", "Lee", "Ng", "Koh", "Nair"},
		streets:   []string{"Orchard Road", "Serangoon Road", "Bukit Timah Road"},
		townBegin: []string{"Tampines ", "Bedok ", "Jurong ", "Yishun ", "Clementi ", "Punggol "},
		townEnd:   []string{"North", "South", "East", "West", "Central", "Park"},
	},
	{
		code: "AU", order: "%[1]s %[2]s", phone: "+61 0# #### ####", postcode: "####", address: "{n} {s}",
		given:     []string{"Charlotte", "Jack", "Mia", "Cooper", "Ruby", "Lachlan"},
		family:    []string{"Smith", "Nguyen", "Wilson", "Kelly", "Campbell", "O'Connor"},
		streets:   []string{"George Street", "Elizabeth Street", "Beach Road", "Wattle Street"},
		townBegin: []string{"Wagga ", "Coola", "Yarra", "Murra", "Bunda", "Kanga"},
		townEnd:   []string{"wonga", "berg", "bool", "roo", "gong", "ville"},
	},
	{
		code: "ZA", order: "%[1]s %[2]s", phone: "+27 0# ### ####", postcode: "####", address: "{n} {s}",
		given:     []string{"Lerato", "Thabo", "Naledi", "Pieter", "Zanele", "Sipho"},
		family:    []string{"Dlamini", "Nkosi", "van der Merwe", "Naidoo", "Botha", "Khumalo"},
		streets:   []string{"Long Street", "Church Street", "Nelson Mandela Drive"},
		townBegin: []string{"Groot", "Klein", "Nieu", "Rooi", "Blou", "Wit"},
		townEnd:   []string{"fontein", "dorp", "rivier", "berg", "vlei", "kloof"},
	},
	{
		code: "NG", order: "%[1]s %[2]s", phone: "+234 0## ### ####", postcode: "######", address: "{n} {s}",
		given:     []string{"Chiamaka", "Oluwaseun", "Aisha", "Emeka", "Adaeze", "Tunde"},
		family:    []string{"Okafor", "Adeyemi", "Ibrahim", "Eze", "Balogun"},
		streets:   []string{"Broad Street", "Ahmadu Bello Way", "Awolowo Road"},
		townBegin: []string{"Ile", "Oke", "Umu", "Aba", "Ado", "Iba"},
		townEnd:   []string{"dan", "ogun", "ahia", "kaliki", "oro", "fon"},
	},
}

// cities are the large cities by falling number of customers. A line has a country or subdivision code, and cities, separated by
// semicolons, each with the beginnings of some of its postcodes.
const cities = `
KR Seoul 030/041/062/075; Busan 475/480; Incheon 215/222; Daegu 417/423
JP Tokyo 106/150/160/170; Osaka 530/540/550
US-CA Los Angeles 900
US-NY New York 100/101
BR São Paulo 013/040/054
MX Mexico City 031/060/066
ID Jakarta 101/121
PH Manila 100/101
TH Bangkok 101/102/105
GB London E14/N16/NW3/SE5/SW7/W14
FR Paris 75001/75003/75005/75008/75010/75011/75012/75013/75014/75015/75016/75017/75018/75019/75020
KR Daejeon 342/352; Gwangju 615/622; Suwon 164/165; Ulsan 446; Changwon 514; Seongnam 135; Goyang 104; Yongin 170; Jeonju 549; Jeju 631; Pohang 377; Gimhae 509; Cheongju 286; Cheonan 311
JP Yokohama 220/231; Nagoya 450/460; Sapporo 060/064; Fukuoka 810/812; Kobe 650/651; Kyoto 600/604; Kawasaki 210/212; Saitama 330; Hiroshima 730; Sendai 980; Chiba 260; Kitakyushu 802; Niigata 950; Okayama 700; Kumamoto 860; Naha 900
CN Shanghai 200; Beijing 100; Guangzhou 510; Shenzhen 518; Chengdu 610; Hangzhou 310; Wuhan 430; Xi'an 710; Nanjing 210; Tianjin 300; Chongqing 400; Suzhou 215; Qingdao 266; Harbin 150; Xiamen 361
TW Taipei 100/106/110; Kaohsiung 800/802; Taichung 400/407; Tainan 700/704; Hsinchu 300
VN Hà Nội 100; Thành phố Hồ Chí Minh 700; Đà Nẵng 550; Hải Phòng 180; Cần Thơ 900
MY Kuala Lumpur 504/554; George Town 102; Johor Bahru 801; Ipoh 304; Kota Kinabalu 884
SG Singapore 05/18/23/52/76
IN Mumbai 4000; Delhi 1100; Bengaluru 5600; Chennai 6000; Kolkata 7000; Hyderabad 5000; Pune 4110; Ahmedabad 3800; Jaipur 3020; Lucknow 2260; Guwahati 7810; Kochi 6820
ID Surabaya 602; Bandung 401; Medan 201; Semarang 501; Makassar 901; Yogyakarta 552; Denpasar 801
PH Quezon City 110/111; Cebu City 6000; Davao City 8000; Zamboanga City 7000; Baguio 2600
TH เชียงใหม่ 502; Chiang Mai 502; Phuket 830; Khon Kaen 400; Hat Yai 901
US-IL Chicago 606; Springfield 627
US-TX Houston 770; Dallas 752; San Antonio 782; Austin 787; Fort Worth 761; El Paso 799
US-PA Philadelphia 191; Pittsburgh 152
US-AZ Phoenix 850; Tucson 857
US-CA San Diego 921; San Jose 951; San Francisco 941; Sacramento 958; Oakland 946; Fresno 937
US-WA Seattle 981; Tacoma 984
US-CO Denver 802
US-MA Boston 021; Springfield 011
US-GA Atlanta 303; Athens 306; Rome 301
US-FL Miami 331; Orlando 328; Tampa 336
US-MI Detroit 482
US-NV Las Vegas 891
US-NJ Newark 071
US-MN Minneapolis 554
US-OR Portland 972; Salem 973
US-HI Honolulu 968
BR Rio de Janeiro 200/222; Brasília 703; Salvador 400/418; Fortaleza 601; Belo Horizonte 301; Manaus 690; Curitiba 800; Recife 500/520; Porto Alegre 900; Belém 660; Goiânia 740; Florianópolis 880
MX Guadalajara 441; Monterrey 640; Puebla 720; Tijuana 220; León 370; Mérida 970; Querétaro 760; Cancún 775
AR Buenos Aires 10/14; Córdoba 5000; Rosario 2000; Mendoza 5500; La Plata 1900
CL Santiago 750/832; Valparaíso 234; Concepción 403; Viña del Mar 252
CA Toronto M4C/M5V; Montréal H2X/H3B; Vancouver V6B; Calgary T2P; Ottawa K1P; Québec G1R; Edmonton T5J; Winnipeg R3C; London N6A
GB Birmingham B15; Manchester M14; Glasgow G12; Liverpool L17; Leeds LS6; Edinburgh EH3; Bristol BS8; Cardiff CF5; Belfast BT7; Sheffield S10; Newcastle upon Tyne NE2
IE Dublin D04/D08; Cork T12; Galway H91; Limerick V94
FR Lyon 69001/69003/69006/69007; Marseille 13001/13006/13008; Toulouse 31000/31300/31400; Nice 06000/06100; Nantes 44000/44300; Strasbourg 67000/67100; Bordeaux 33000/33300; Lille 59000/59800; Rennes 35000/35700; Saint-Étienne 42000/42100; Montpellier 34000/34070; Besançon 25000; Orléans 45000/45100
US-TX Paris 7546
DE Berlin 101/104/120; Hamburg 203/223; München 803/815; Köln 506/509; Frankfurt am Main 603/605; Stuttgart 701; Düsseldorf 402; Leipzig 042; Nürnberg 904; Würzburg 970
ES Madrid 280; Barcelona 080; Valencia 460; Sevilla 410; Zaragoza 500; Málaga 290; Bilbao 480; A Coruña 150
IT Roma 001; Milano 201; Napoli 801; Torino 101; Palermo 901; Bologna 401; Firenze 501; Forlì 471
PT Lisboa 11/12; Porto 40/41; Braga 47; Évora 70
NL Amsterdam 10; Rotterdam 30; Den Haag 25; 's-Hertogenbosch 52; Utrecht 35
SE Stockholm 111/114/118; Göteborg 411/413; Malmö 211; Örebro 702
NO Oslo 01/05; Bergen 50; Tromsø 90
PL Warszawa 00/01/02; Kraków 30/31; Łódź 90/91; Wrocław 50/53; Gdańsk 80; Poznań 60/61
TR İstanbul 340/343; Ankara 060/065; İzmir 350; Antalya 070; Diyarbakır 210
RU Москва 101/115/125; Санкт-Петербург 190/197; Новосибирск 630; Екатеринбург 620; Казань 420; Йошкар-Ола 424
UA Київ 010/020/030; Харків 610; Одеса 650; Львів 790
GR Αθήνα 104/105/106; Θεσσαλονίκη 546; Πάτρα 262
SA الرياض 115; جدة 215; الدمام 314
EG القاهرة 115; الإسكندرية 215; الجيزة 125
IL תל אביב 67; ירושלים 94; חיפה 33
AU Sydney 200; Melbourne 300; Brisbane 400; Perth 600; Adelaide 500; Hobart 700
ZA Johannesburg 20; Cape Town 80; Durban 40; Pretoria 00
NG Lagos 100; Abuja 900; Kano 700; Ibadan 200
KR 서귀포 635; 춘천 243; 강릉 255; 여수 596; 경주 381
JP 鎌倉 248; 金沢 920; 函館 040
`
