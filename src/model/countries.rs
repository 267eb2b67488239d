//! The countries: code, name, number and where their label stands.
//!
//! Every ISO 3166-1 code and `XK` for Kosovo. Label points are the pole of inaccessibility of a country's largest
//! polygon in Natural Earth at 1:50 million (public domain), and set by hand for those that have none there or
//! that would have their label far from where people are. An address of which only the country is known is drawn
//! at the label point.

use super::place::CountryCode;

/// A country or territory with a code of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Country {
    /// ISO 3166-1 alpha-2 code, `XK` for Kosovo.
    pub code: CountryCode,
    /// ISO 3166-1 numeric code; 0 for Kosovo, which has none.
    pub number: u16,
    /// English short name.
    pub name: &'static str,
    /// Label point, degrees east.
    pub longitude: f32,
    /// Label point, degrees north.
    pub latitude: f32,
}

/// The country of a code; `None` for codes that nobody has, such as `EU`, `AP` or `ZZ`.
pub fn country(code: CountryCode) -> Option<&'static Country> {
    COUNTRIES
        .binary_search_by_key(&code, |country| country.code)
        .ok()
        .and_then(|position| COUNTRIES.get(position))
}

/// The country of an ISO 3166-1 number, as the base map's polygons carry it; 0 is nobody's.
pub fn country_of_number(number: u16) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.number == number && number != 0)
}

/// All countries, in the order of their codes.
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

const fn entry(code: [u8; 2], number: u16, name: &'static str, longitude: f32, latitude: f32) -> Country {
    Country { code: CountryCode::from_letters(code), number, name, longitude, latitude }
}

static COUNTRIES: [Country; 250] = [
    entry(*b"AD", 20, "Andorra", 1.54, 42.54),
    entry(*b"AE", 784, "United Arab Emirates", 54.49, 23.47),
    entry(*b"AF", 4, "Afghanistan", 66.49, 34.14),
    entry(*b"AG", 28, "Antigua and Barbuda", -61.80, 17.08),
    entry(*b"AI", 660, "Anguilla", -63.02, 18.24),
    entry(*b"AL", 8, "Albania", 20.12, 40.63),
    entry(*b"AM", 51, "Armenia", 44.47, 40.60),
    entry(*b"AO", 24, "Angola", 17.76, -13.26),
    entry(*b"AQ", 10, "Antarctica", 0.00, -80.00),
    entry(*b"AR", 32, "Argentina", -63.84, -30.22),
    entry(*b"AS", 16, "American Samoa", -170.74, -14.32),
    entry(*b"AT", 40, "Austria", 14.58, 47.59),
    entry(*b"AU", 36, "Australia", 132.25, -23.15),
    entry(*b"AW", 533, "Aruba", -70.00, 12.54),
    entry(*b"AX", 248, "Åland Islands", 20.03, 60.27),
    entry(*b"AZ", 31, "Azerbaijan", 47.11, 40.34),
    entry(*b"BA", 70, "Bosnia and Herzegovina", 17.92, 44.20),
    entry(*b"BB", 52, "Barbados", -59.56, 13.16),
    entry(*b"BD", 50, "Bangladesh", 89.78, 24.31),
    entry(*b"BE", 56, "Belgium", 4.69, 50.77),
    entry(*b"BF", 854, "Burkina Faso", -0.93, 12.81),
    entry(*b"BG", 100, "Bulgaria", 25.12, 42.57),
    entry(*b"BH", 48, "Bahrain", 50.54, 25.98),
    entry(*b"BI", 108, "Burundi", 29.84, -3.40),
    entry(*b"BJ", 204, "Benin", 2.39, 10.39),
    entry(*b"BL", 652, "Saint Barthélemy", -62.84, 17.89),
    entry(*b"BM", 60, "Bermuda", -64.74, 32.31),
    entry(*b"BN", 96, "Brunei", 114.55, 4.46),
    entry(*b"BO", 68, "Bolivia", -64.60, -16.65),
    entry(*b"BQ", 535, "Caribbean Netherlands", -68.26, 12.18),
    entry(*b"BR", 76, "Brazil", -49.06, -12.49),
    entry(*b"BS", 44, "Bahamas", -78.02, 24.66),
    entry(*b"BT", 64, "Bhutan", 89.95, 27.50),
    entry(*b"BV", 74, "Bouvet Island", 3.36, -54.42),
    entry(*b"BW", 72, "Botswana", 24.26, -22.01),
    entry(*b"BY", 112, "Belarus", 28.37, 53.36),
    entry(*b"BZ", 84, "Belize", -88.73, 16.97),
    entry(*b"CA", 124, "Canada", -112.50, 57.90),
    entry(*b"CC", 166, "Cocos (Keeling) Islands", 96.83, -12.17),
    entry(*b"CD", 180, "DR Congo", 23.25, -1.82),
    entry(*b"CF", 140, "Central African Republic", 21.69, 6.97),
    entry(*b"CG", 178, "Congo", 15.94, 0.08),
    entry(*b"CH", 756, "Switzerland", 7.60, 46.81),
    entry(*b"CI", 384, "Côte d’Ivoire", -5.49, 7.54),
    entry(*b"CK", 184, "Cook Islands", -159.78, -21.22),
    entry(*b"CL", 152, "Chile", -69.02, -23.40),
    entry(*b"CM", 120, "Cameroon", 12.44, 4.54),
    entry(*b"CN", 156, "China", 108.06, 32.72),
    entry(*b"CO", 170, "Colombia", -73.29, 3.37),
    entry(*b"CR", 188, "Costa Rica", -83.99, 10.08),
    entry(*b"CU", 192, "Cuba", -76.44, 20.60),
    entry(*b"CV", 132, "Cape Verde", -23.62, 15.05),
    entry(*b"CW", 531, "Curaçao", -68.86, 12.12),
    entry(*b"CX", 162, "Christmas Island", 105.63, -10.49),
    entry(*b"CY", 196, "Cyprus", 32.66, 34.91),
    entry(*b"CZ", 203, "Czechia", 14.40, 49.87),
    entry(*b"DE", 276, "Germany", 9.89, 51.63),
    entry(*b"DJ", 262, "Djibouti", 42.16, 11.39),
    entry(*b"DK", 208, "Denmark", 9.09, 56.05),
    entry(*b"DM", 212, "Dominica", -61.36, 15.49),
    entry(*b"DO", 214, "Dominican Republic", -70.87, 19.08),
    entry(*b"DZ", 12, "Algeria", 2.82, 27.37),
    entry(*b"EC", 218, "Ecuador", -78.24, -1.20),
    entry(*b"EE", 233, "Estonia", 25.91, 58.77),
    entry(*b"EG", 818, "Egypt", 29.47, 25.97),
    entry(*b"EH", 732, "Western Sahara", -13.71, 21.93),
    entry(*b"ER", 232, "Eritrea", 38.06, 15.99),
    entry(*b"ES", 724, "Spain", -3.66, 39.39),
    entry(*b"ET", 231, "Ethiopia", 38.44, 8.52),
    entry(*b"FI", 246, "Finland", 26.22, 62.60),
    entry(*b"FJ", 242, "Fiji", 178.00, -17.80),
    entry(*b"FK", 238, "Falkland Islands", -58.69, -51.69),
    entry(*b"FM", 583, "Micronesia", 158.24, 6.89),
    entry(*b"FO", 234, "Faroe Islands", -6.92, 62.21),
    entry(*b"FR", 250, "France", 2.42, 47.22),
    entry(*b"GA", 266, "Gabon", 11.42, -0.64),
    entry(*b"GB", 826, "United Kingdom", -1.57, 52.59),
    entry(*b"GD", 308, "Grenada", -61.69, 12.10),
    entry(*b"GE", 268, "Georgia", 42.65, 42.32),
    entry(*b"GF", 254, "French Guiana", -53.10, 3.95),
    entry(*b"GG", 831, "Guernsey", -2.57, 49.46),
    entry(*b"GH", 288, "Ghana", -1.23, 7.00),
    entry(*b"GI", 292, "Gibraltar", -5.35, 36.13),
    entry(*b"GL", 304, "Greenland", -40.50, 76.75),
    entry(*b"GM", 270, "Gambia", -15.33, 13.59),
    entry(*b"GN", 324, "Guinea", -10.01, 10.67),
    entry(*b"GP", 312, "Guadeloupe", -61.55, 16.20),
    entry(*b"GQ", 226, "Equatorial Guinea", 10.71, 1.58),
    entry(*b"GR", 300, "Greece", 21.60, 39.75),
    entry(*b"GS", 239, "South Georgia and the South Sandwich Islands", -36.89, -54.22),
    entry(*b"GT", 320, "Guatemala", -90.49, 15.00),
    entry(*b"GU", 316, "Guam", 144.71, 13.40),
    entry(*b"GW", 624, "Guinea-Bissau", -14.54, 12.13),
    entry(*b"GY", 328, "Guyana", -58.66, 2.77),
    entry(*b"HK", 344, "Hong Kong", 114.16, 22.46),
    entry(*b"HM", 334, "Heard Island and McDonald Islands", 73.53, -53.10),
    entry(*b"HN", 340, "Honduras", -87.16, 14.74),
    entry(*b"HR", 191, "Croatia", 16.47, 45.78),
    entry(*b"HT", 332, "Haiti", -72.25, 19.23),
    entry(*b"HU", 348, "Hungary", 20.09, 47.15),
    entry(*b"ID", 360, "Indonesia", 114.14, -0.96),
    entry(*b"IE", 372, "Ireland", -7.51, 53.06),
    entry(*b"IL", 376, "Israel", 34.86, 30.95),
    entry(*b"IM", 833, "Isle of Man", -4.59, 54.18),
    entry(*b"IN", 356, "India", 79.48, 22.46),
    entry(*b"IO", 86, "British Indian Ocean Territory", 72.41, -7.31),
    entry(*b"IQ", 368, "Iraq", 43.02, 33.11),
    entry(*b"IR", 364, "Iran", 55.08, 32.26),
    entry(*b"IS", 352, "Iceland", -18.92, 64.69),
    entry(*b"IT", 380, "Italy", 10.61, 45.13),
    entry(*b"JE", 832, "Jersey", -2.17, 49.22),
    entry(*b"JM", 388, "Jamaica", -77.32, 18.15),
    entry(*b"JO", 400, "Jordan", 36.38, 30.70),
    entry(*b"JP", 392, "Japan", 138.55, 36.16),
    entry(*b"KE", 404, "Kenya", 37.84, 0.43),
    entry(*b"KG", 417, "Kyrgyzstan", 74.79, 41.70),
    entry(*b"KH", 116, "Cambodia", 104.46, 12.64),
    entry(*b"KI", 296, "Kiribati", 172.98, 1.42),
    entry(*b"KM", 174, "Comoros", 43.33, -11.72),
    entry(*b"KN", 659, "Saint Kitts and Nevis", -62.79, 17.36),
    entry(*b"KP", 408, "North Korea", 126.39, 40.02),
    entry(*b"KR", 410, "South Korea", 128.03, 36.24),
    entry(*b"KW", 414, "Kuwait", 47.46, 29.71),
    entry(*b"KY", 136, "Cayman Islands", -81.26, 19.32),
    entry(*b"KZ", 398, "Kazakhstan", 69.79, 48.35),
    entry(*b"LA", 418, "Laos", 102.57, 19.69),
    entry(*b"LB", 422, "Lebanon", 36.06, 34.20),
    entry(*b"LC", 662, "Saint Lucia", -60.98, 13.86),
    entry(*b"LI", 438, "Liechtenstein", 9.54, 47.11),
    entry(*b"LK", 144, "Sri Lanka", 80.85, 7.11),
    entry(*b"LR", 430, "Liberia", -10.20, 7.01),
    entry(*b"LS", 426, "Lesotho", 28.40, -29.45),
    entry(*b"LT", 440, "Lithuania", 24.32, 55.31),
    entry(*b"LU", 442, "Luxembourg", 6.14, 49.70),
    entry(*b"LV", 428, "Latvia", 26.26, 56.79),
    entry(*b"LY", 434, "Libya", 20.22, 26.16),
    entry(*b"MA", 504, "Morocco", -6.66, 31.81),
    entry(*b"MC", 492, "Monaco", 7.42, 43.74),
    entry(*b"MD", 498, "Moldova", 28.35, 47.57),
    entry(*b"ME", 499, "Montenegro", 19.17, 42.87),
    entry(*b"MF", 663, "Saint Martin", -63.06, 18.09),
    entry(*b"MG", 450, "Madagascar", 46.72, -18.29),
    entry(*b"MH", 584, "Marshall Islands", 171.11, 7.12),
    entry(*b"MK", 807, "North Macedonia", 21.34, 41.50),
    entry(*b"ML", 466, "Mali", -1.97, 18.61),
    entry(*b"MM", 104, "Myanmar", 95.97, 21.66),
    entry(*b"MN", 496, "Mongolia", 104.73, 46.12),
    entry(*b"MO", 446, "Macao", 113.51, 22.23),
    entry(*b"MP", 580, "Northern Mariana Islands", 145.75, 15.19),
    entry(*b"MQ", 474, "Martinique", -61.02, 14.65),
    entry(*b"MR", 478, "Mauritania", -9.82, 19.28),
    entry(*b"MS", 500, "Montserrat", -62.19, 16.74),
    entry(*b"MT", 470, "Malta", 14.42, 35.90),
    entry(*b"MU", 480, "Mauritius", 57.56, -20.30),
    entry(*b"MV", 462, "Maldives", 73.50, 4.18),
    entry(*b"MW", 454, "Malawi", 33.76, -13.41),
    entry(*b"MX", 484, "Mexico", -101.86, 23.71),
    entry(*b"MY", 458, "Malaysia", 113.75, 2.46),
    entry(*b"MZ", 508, "Mozambique", 38.17, -14.00),
    entry(*b"NA", 516, "Namibia", 17.09, -20.47),
    entry(*b"NC", 540, "New Caledonia", 165.11, -21.08),
    entry(*b"NE", 562, "Niger", 10.32, 17.58),
    entry(*b"NF", 574, "Norfolk Island", 167.96, -29.05),
    entry(*b"NG", 566, "Nigeria", 7.27, 9.39),
    entry(*b"NI", 558, "Nicaragua", -85.20, 12.55),
    entry(*b"NL", 528, "Netherlands", 5.67, 52.45),
    entry(*b"NO", 578, "Norway", 9.67, 61.89),
    entry(*b"NP", 524, "Nepal", 82.10, 28.92),
    entry(*b"NR", 520, "Nauru", 166.93, -0.52),
    entry(*b"NU", 570, "Niue", -169.86, -19.05),
    entry(*b"NZ", 554, "New Zealand", 172.00, -43.00),
    entry(*b"OM", 512, "Oman", 57.43, 22.12),
    entry(*b"PA", 591, "Panama", -80.92, 8.35),
    entry(*b"PE", 604, "Peru", -73.08, -12.96),
    entry(*b"PF", 258, "French Polynesia", -149.48, -17.63),
    entry(*b"PG", 598, "Papua New Guinea", 143.02, -5.54),
    entry(*b"PH", 608, "Philippines", 121.39, 16.94),
    entry(*b"PK", 586, "Pakistan", 67.06, 27.73),
    entry(*b"PL", 616, "Poland", 19.63, 52.17),
    entry(*b"PM", 666, "Saint Pierre and Miquelon", -56.31, 46.86),
    entry(*b"PN", 612, "Pitcairn Islands", -130.10, -25.07),
    entry(*b"PR", 630, "Puerto Rico", -66.89, 18.23),
    entry(*b"PS", 275, "Palestine", 35.25, 32.15),
    entry(*b"PT", 620, "Portugal", -7.76, 40.66),
    entry(*b"PW", 585, "Palau", 134.57, 7.51),
    entry(*b"PY", 600, "Paraguay", -60.18, -21.71),
    entry(*b"QA", 634, "Qatar", 51.20, 25.10),
    entry(*b"RE", 638, "Réunion", 55.53, -21.13),
    entry(*b"RO", 642, "Romania", 25.00, 45.77),
    entry(*b"RS", 688, "Serbia", 20.75, 44.10),
    entry(*b"RU", 643, "Russia", 109.11, 57.72),
    entry(*b"RW", 646, "Rwanda", 30.31, -1.83),
    entry(*b"SA", 682, "Saudi Arabia", 44.78, 23.70),
    entry(*b"SB", 90, "Solomon Islands", 160.27, -9.62),
    entry(*b"SC", 690, "Seychelles", 55.44, -4.62),
    entry(*b"SD", 729, "Sudan", 29.46, 16.67),
    entry(*b"SE", 752, "Sweden", 17.74, 64.85),
    entry(*b"SG", 702, "Singapore", 103.81, 1.36),
    entry(*b"SH", 654, "Saint Helena, Ascension and Tristan da Cunha", -5.71, -15.96),
    entry(*b"SI", 705, "Slovenia", 14.23, 46.01),
    entry(*b"SJ", 744, "Svalbard and Jan Mayen", 16.50, 78.60),
    entry(*b"SK", 703, "Slovakia", 18.95, 48.74),
    entry(*b"SL", 694, "Sierra Leone", -11.78, 8.67),
    entry(*b"SM", 674, "San Marino", 12.45, 43.93),
    entry(*b"SN", 686, "Senegal", -14.96, 15.21),
    entry(*b"SO", 706, "Somalia", 43.05, 2.57),
    entry(*b"SR", 740, "Suriname", -55.96, 4.15),
    entry(*b"SS", 728, "South Sudan", 30.46, 7.11),
    entry(*b"ST", 678, "São Tomé and Príncipe", 6.59, 0.23),
    entry(*b"SV", 222, "El Salvador", -89.26, 13.91),
    entry(*b"SX", 534, "Sint Maarten", -63.04, 18.05),
    entry(*b"SY", 760, "Syria", 38.36, 35.09),
    entry(*b"SZ", 748, "Eswatini", 31.45, -26.54),
    entry(*b"TC", 796, "Turks and Caicos Islands", -71.69, 21.80),
    entry(*b"TD", 148, "Chad", 19.47, 17.38),
    entry(*b"TF", 260, "French Southern Territories", 69.17, -49.32),
    entry(*b"TG", 768, "Togo", 1.05, 8.83),
    entry(*b"TH", 764, "Thailand", 101.34, 15.47),
    entry(*b"TJ", 762, "Tajikistan", 72.66, 38.32),
    entry(*b"TK", 772, "Tokelau", -171.85, -9.20),
    entry(*b"TL", 626, "Timor-Leste", 125.46, -8.90),
    entry(*b"TM", 795, "Turkmenistan", 58.94, 39.65),
    entry(*b"TN", 788, "Tunisia", 9.62, 35.26),
    entry(*b"TO", 776, "Tonga", -175.24, -21.16),
    entry(*b"TR", 792, "Türkiye", 33.74, 39.32),
    entry(*b"TT", 780, "Trinidad and Tobago", -61.25, 10.31),
    entry(*b"TV", 798, "Tuvalu", 179.20, -8.52),
    entry(*b"TW", 158, "Taiwan", 120.80, 23.51),
    entry(*b"TZ", 834, "Tanzania", 34.04, -5.56),
    entry(*b"UA", 804, "Ukraine", 32.41, 49.38),
    entry(*b"UG", 800, "Uganda", 33.02, 2.00),
    entry(*b"UM", 581, "U.S. Outlying Islands", 166.63, 19.29),
    entry(*b"US", 840, "United States", -97.88, 39.21),
    entry(*b"UY", 858, "Uruguay", -55.93, -32.97),
    entry(*b"UZ", 860, "Uzbekistan", 63.80, 41.93),
    entry(*b"VA", 336, "Vatican City", 12.45, 41.90),
    entry(*b"VC", 670, "Saint Vincent and the Grenadines", -61.20, 13.24),
    entry(*b"VE", 862, "Venezuela", -64.24, 7.19),
    entry(*b"VG", 92, "British Virgin Islands", -64.64, 18.42),
    entry(*b"VI", 850, "U.S. Virgin Islands", -64.77, 17.75),
    entry(*b"VN", 704, "Vietnam", 105.35, 21.72),
    entry(*b"VU", 548, "Vanuatu", 166.87, -15.37),
    entry(*b"WF", 876, "Wallis and Futuna", -178.14, -14.29),
    entry(*b"WS", 882, "Samoa", -172.46, -13.64),
    entry(*b"XK", 0, "Kosovo", 20.88, 42.57),
    entry(*b"YE", 887, "Yemen", 45.03, 15.30),
    entry(*b"YT", 175, "Mayotte", 45.15, -12.82),
    entry(*b"ZA", 710, "South Africa", 23.20, -30.49),
    entry(*b"ZM", 894, "Zambia", 26.18, -14.72),
    entry(*b"ZW", 716, "Zimbabwe", 29.91, -18.93),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_is_found_by_its_code_and_by_its_number() {
        for entry in countries() {
            assert_eq!(country(entry.code), Some(entry));
            if entry.number != 0 {
                assert_eq!(country_of_number(entry.number), Some(entry));
            }
            assert!(entry.longitude.abs() <= 180.0 && entry.latitude.abs() <= 90.0, "{}", entry.name);
        }
        assert_eq!(CountryCode::parse("za").and_then(country).map(|entry| entry.name), Some("South Africa"));
        assert_eq!(CountryCode::parse("XK").and_then(country).map(|entry| entry.number), Some(0));
    }

    #[test]
    fn a_code_that_nobody_has_is_no_country() {
        assert_eq!(CountryCode::parse("ZZ").and_then(country), None);
        assert_eq!(country_of_number(0), None);
    }
}
