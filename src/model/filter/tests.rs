use std::net::IpAddr;

use super::{FIELDS, Filter, FilterError, MAX_CHARACTERS, MAX_DEPTH, MAX_TERMS, PlaceLookup, equality};
use crate::model::flow_record::{ExporterId, FlowRecord, LocatedFlow, Location};
use crate::model::place::CountryCode;
use crate::model::traffic::Direction;

struct Places;

impl PlaceLookup for Places {
    fn country(&self, place: u32) -> Option<CountryCode> {
        CountryCode::parse(["", "DE", "RU"].get(place as usize)?)
    }

    fn city(&self, place: u32) -> &str {
        ["", "Köln", "Moscow"].get(place as usize).copied().unwrap_or_default()
    }

    fn exporter_address(&self, exporter: ExporterId) -> Option<IpAddr> {
        (exporter == ExporterId(0)).then(|| IpAddr::from([192, 0, 2, 1]))
    }
}

fn flow() -> LocatedFlow {
    LocatedFlow {
        record: FlowRecord {
            source_address: "10.1.2.3".parse().unwrap(),
            destination_address: "2001:db8::7".parse().unwrap(),
            source_port: 50_000,
            destination_port: 443,
            protocol: 6,
            bytes: 1_500,
            packets: 3,
            input_interface: 4,
            output_interface: 9,
            tcp_flags: 0x1b,
            ..FlowRecord::default()
        },
        source: Location { place: 1, as_number: 3_320 },
        destination: Location { place: 2, as_number: 15_169 },
        direction: Direction::Outbound,
    }
}

fn filter(text: &str) -> Filter {
    text.parse().unwrap_or_else(|error: FilterError| panic!("{text}: {error} at {}", error.position))
}

fn fault(text: &str) -> FilterError {
    text.parse::<Filter>().expect_err(text)
}

/// A text, its canonical text, and whether the flow above passes.
const TABLE: &[(&str, &str, bool)] = &[
    ("", "", true),
    ("  -- nothing\n /* at all */", "", true),
    (
        "dst.country = \"RU\" and dst.port in (443, 8443) and not src.as = 15169",
        "dst.country = \"RU\" and dst.port in (443, 8443) and not src.as = 15169",
        true,
    ),
    (
        "DST.COUNTRY=ru AND Dst.Port IN(8443,443,443)",
        "dst.country = \"RU\" and dst.port in (443, 8443)",
        true,
    ),
    ("src.address = 10.0.0.0/8", "src.address = 10.0.0.0/8", true),
    ("src.net=10.1.2.3/32", "src.address = 10.1.2.3", true),
    ("src.ip = 10.1.2.3", "src.address = 10.1.2.3", true),
    ("host = 10.1.2.4", "address = 10.1.2.4", false),
    ("net in (192.0.2.0/24, 2001:db8::/32)", "address in (192.0.2.0/24, 2001:db8::/32)", true),
    ("net in 2001:db8::/32", "address = 2001:db8::/32", true),
    ("src.net = 2001:db8::/32", "src.address = 2001:db8::/32", false),
    ("net = 0.0.0.0/0", "address = 0.0.0.0/0", true),
    ("dst.net = 0.0.0.0/0", "dst.address = 0.0.0.0/0", false),
    ("addr = ::ffff:10.1.2.3", "address = 10.1.2.3", true),
    ("addr = ::ffff:10.0.0.0/104", "address = 10.0.0.0/8", true),
    ("port = 443", "port = 443", true),
    ("port != 443", "port != 443", false),
    ("port != 80", "port != 80", true),
    ("port not in (80, 443)", "port not in (80, 443)", false),
    ("port notin (80)", "port != 80", true),
    ("src.port <> 443", "src.port != 443", true),
    ("port < 1024", "port < 1024", true),
    ("src.port >= 50000 && dst.port <= 443", "src.port >= 50000 and dst.port <= 443", true),
    ("src.port > 50000 || dst.port < 443", "src.port > 50000 or dst.port < 443", false),
    ("as = AS15169", "as = 15169", true),
    ("port = https", "port = 443", true),
    ("service = https", "service = 443", true),
    ("service in (dhcp, 443)", "service in (67, 68, 443)", true),
    ("service = 443/tcp", "service = 443 and protocol = tcp", true),
    ("not service = https/udp", "not (service = 443 and protocol = udp)", true),
    ("service != 443/tcp", "not (service = 443 and protocol = tcp)", false),
    (
        "bytes > 1 and service in (80, 443/tcp)",
        "bytes > 1 and (service = 443 and protocol = tcp or service = 80)",
        true,
    ),
    ("dst.city = \"Moscow, RU\"", "dst.city = \"Moscow\" and dst.country = \"RU\"", true),
    (
        "city = 'Moscow, DE'",
        "src.city = \"Moscow\" and src.country = \"DE\" or dst.city = \"Moscow\" and dst.country = \"DE\"",
        false,
    ),
    ("city = 'Moscow, RU, DE'", "city = \"Moscow, RU, DE\"", false),
    ("flags = syn+ack", "flags = syn+ack", false),
    ("flags = AFPS", "flags = syn+fin+psh+ack", true),
    ("flags = 0x1b", "flags = syn+fin+psh+ack", true),
    ("flags has syn", "flags has syn", true),
    ("flags has SA", "flags has syn+ack", true),
    ("flags has syn and not flags has rst", "flags has syn and not flags has rst", true),
    ("flags has rst", "flags has rst", false),
    ("flags in (S, none)", "flags in (none, syn)", false),
    ("src.asn in (as3320, 64512)", "src.as in (3320, 64512)", true),
    ("city = köln", "city = \"köln\"", true),
    ("src.city = 'KÖLN'", "src.city = \"KÖLN\"", true),
    (r#"city = "St. \"John\\s\"""#, r#"city = "St. \"John\\s\"""#, false),
    ("country = unknown", "country = unknown", false),
    ("country not in (FR, unknown)", "country not in (unknown, \"FR\")", true),
    ("country in (IN, NO, DE)", "", true),
    ("proto = TCP", "protocol = tcp", true),
    ("protocol in (17, 6, 253)", "protocol in (tcp, udp, 253)", true),
    ("protocol = ipv6-icmp", "protocol = icmp6", false),
    ("direction = outbound", "direction = outbound", true),
    ("direction in (transit, inbound)", "direction in (inbound, transit)", false),
    ("exporter = 192.0.2.1", "exporter = 192.0.2.1", true),
    ("exporter != 192.0.2.0/24", "exporter != 192.0.2.0/24", false),
    ("bytes >= 1k and bytes < 2K", "bytes >= 1000 and bytes < 2000", true),
    ("packets = 3", "packets = 3", true),
    ("interface = 9", "interface = 9", true),
    ("in.interface = 9 or output.interface = 4", "in.interface = 9 or out.interface = 4", false),
    ("not not port = 80", "port = 80", false),
    ("!(port = 80 or port = 443)", "not (port = 80 or port = 443)", false),
    ("port=80 or port=443 and proto=tcp", "port = 80 or port = 443 and protocol = tcp", true),
    ("(port=80 or port=443) and (proto=tcp)", "(port = 80 or port = 443) and protocol = tcp", true),
    ("port=1 and (port=2 and port=3)", "port = 1 and port = 2 and port = 3", false),
    ("port/* a */=--b\n443", "port = 443", true),
];

#[test]
fn every_filter_of_the_table_passes_or_refuses_the_flow_as_it_says() {
    for (text, _, passes) in TABLE {
        assert_eq!(filter(text).matches(&flow(), &Places), *passes, "{text}");
    }
}

#[test]
fn the_canonical_text_means_the_same_and_is_its_own_canonical_text() {
    for (text, canonical, _) in TABLE {
        let parsed = filter(text);
        let shown = parsed.to_string();
        assert_eq!(filter(&shown), parsed, "{text}");
        assert_eq!(filter(&shown).to_string(), shown);
        if !canonical.is_empty() {
            assert_eq!(shown, *canonical);
        }
    }
}

#[test]
fn a_fault_points_at_its_character_and_says_what_to_write() {
    let table: &[(&str, u32, u32, &str)] = &[
        ("dst.contry = RU", 0, 10, "write dst.country"),
        ("ort = 80", 0, 3, "write port"),
        ("/* ü */ colour = red", 8, 6, "the fields are"),
        ("src.protocol = tcp", 0, 12, "write protocol"),
        ("dst.country = Russia", 14, 6, "write \"RU\""),
        ("country = Germny", 10, 6, "write \"DE\""),
        ("country = Atlantis", 10, 8, "two letters"),
        ("dst.country = \"UK\"", 14, 4, "write \"GB\""),
        ("country in (DE, QQ)", 16, 2, "no country has the code"),
        ("net = 10.0.0.1/8", 6, 10, "write 10.0.0.0/8"),
        ("net = 10.0.0.0/33", 6, 11, "from 0 to 32"),
        ("net = 10.0/8", 6, 6, "is no address"),
        ("net = 2001:db8::1/32", 6, 14, "write 2001:db8::/32"),
        ("host = example.org", 7, 11, "is no address"),
        ("port = 65536", 7, 5, "from 0 to 65535"),
        ("port = htps", 7, 4, "write http"),
        ("port = x", 7, 1, "a number from 0 to 65535"),
        ("service = 443/tpc", 10, 7, "443/tcp"),
        ("flags = syn+x", 8, 5, "write them like syn+ack"),
        ("flags > syn", 6, 1, "after flags write =, !=, has"),
        ("flags has", 9, 0, "a value is missing"),
        ("port has 443", 5, 3, "has is for flags only"),
        ("as = ASx", 5, 3, "15169 or AS15169"),
        ("proto = tpc", 8, 3, "is no protocol"),
        ("proto = sctpp", 8, 5, "write sctp"),
        ("direction = in", 12, 2, "write inbound"),
        ("country < DE", 8, 1, "has no order"),
        ("port", 4, 0, "after port write ="),
        ("port =", 6, 0, "a value is missing"),
        ("port = (80, 443)", 7, 1, "needs in before it"),
        ("port in (80, 443", 8, 1, "never closed"),
        ("port in (80 443)", 12, 3, "a comma"),
        ("port in ()", 9, 1, "write a value"),
        ("port not = 80", 9, 1, "after not write in"),
        ("port = 80 proto = tcp", 10, 5, "write and or or"),
        ("city = New York", 11, 4, "needs quotes"),
        ("port in 80, 443", 10, 1, "parentheses"),
        ("port = 80 and", 13, 0, "a condition is missing"),
        ("and port = 80", 0, 3, "missing before and"),
        ("(port = 80", 0, 1, "never closed"),
        ("port = 80)", 9, 1, "closes nothing"),
        ("port = 80 & port = 81", 10, 1, "write and"),
        ("city = \"Köln", 7, 5, "no end"),
        ("port = 80 /* x", 10, 2, "no end"),
        ("port = 80 ; x", 10, 1, "in quotes"),
        ("bytes > 5x", 8, 2, "5M"),
        ("= 80", 0, 1, "begins with a field"),
    ];
    for (text, position, length, wanted) in table {
        let error = fault(text);
        assert!(error.message.contains(wanted), "{text}: {error}");
        assert_eq!((error.position, error.length), (*position, *length), "{text}: {error}");
    }
}

#[test]
fn no_prefix_of_a_filter_and_no_changed_character_makes_it_panic() {
    for (text, _, _) in TABLE {
        let characters: Vec<char> = text.chars().collect();
        for end in 0..=characters.len() {
            let prefix: String = characters.iter().take(end).collect();
            if let Ok(parsed) = prefix.parse::<Filter>() {
                assert_eq!(filter(&parsed.to_string()), parsed, "{prefix}");
            }
            for strange in ['(', ')', '"', '\\', '/', '-', '!', '\0', '\u{301}', '🦀'] {
                let mut changed = characters.clone();
                if let Some(character) = changed.get_mut(end) {
                    *character = strange;
                }
                if let Ok(parsed) = changed.iter().collect::<String>().parse::<Filter>() {
                    assert_eq!(filter(&parsed.to_string()), parsed);
                }
            }
        }
    }
}

#[test]
fn whatever_order_words_come_in_a_filter_that_parses_is_what_its_text_says() {
    let words = [
        "and",
        "or",
        "not",
        "(",
        ")",
        "!",
        "in",
        "has",
        "flags",
        "service",
        "syn+ack",
        "443/tcp",
        "'a, DE'",
        ",",
        "=",
        "!=",
        "<",
        "port",
        "src.country",
        "net",
        "bytes",
        "city",
        "proto",
        "443",
        "DE",
        "10.0.0.0/8",
        "tcp",
        "\"a\"",
        "&&",
        "||",
        "--",
        "/*",
        "*/",
    ];
    let (mut state, mut parsed_filters) = (1_u64, 0);
    for _ in 0..60_000 {
        let mut text = String::new();
        for _ in 0..3 + state % 9 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(words[usize::try_from(state >> 33).unwrap() % words.len()]);
            text.push(' ');
        }
        if let Ok(parsed) = text.parse::<Filter>() {
            assert_eq!(filter(&parsed.to_string()), parsed, "{text}");
            parsed.matches(&flow(), &Places);
            parsed_filters += 1;
        }
    }
    assert!(parsed_filters > 20, "only {parsed_filters} of the texts were filters");
}

#[test]
fn a_filter_keeps_within_its_bounds_to_the_character() {
    let padded = format!("port = 80{}", " ".repeat(MAX_CHARACTERS - 9));
    filter(&padded);
    assert_eq!(fault(&format!("{padded} ")).position as usize, MAX_CHARACTERS);

    let nested = |depth: usize| format!("{}port = 80{}", "(".repeat(depth), ")".repeat(depth));
    filter(&nested(MAX_DEPTH));
    assert_eq!(fault(&nested(MAX_DEPTH + 1)).position as usize, MAX_DEPTH);
    assert_eq!(fault(&"!".repeat(MAX_CHARACTERS)).position as usize, MAX_DEPTH);
    assert!(fault(&"(".repeat(MAX_CHARACTERS)).message.contains("deep"));

    let list = |values: usize| {
        format!("port in ({})", (0..values).map(|port| port.to_string()).collect::<Vec<_>>().join(","))
    };
    filter(&list(MAX_TERMS));
    assert!(fault(&list(MAX_TERMS + 1)).message.contains("256 values"));
}

#[test]
fn a_filter_whose_canonical_text_is_too_long_is_refused() {
    let quotes = format!("city = '{}'", "\"".repeat(MAX_CHARACTERS - 9));
    assert!(fault(&quotes).message.contains("at most"));
}

#[test]
fn every_field_that_is_offered_parses_with_its_example() {
    for (name, has_ends, example) in FIELDS {
        filter(&format!("{name} = {example}"));
        for end in ["src", "dst"] {
            assert_eq!(
                format!("{end}.{name} = {example}").parse::<Filter>().is_ok(),
                has_ends,
                "{end}.{name}"
            );
        }
    }
}

#[test]
fn a_value_of_any_letters_makes_a_filter_unless_there_is_no_such_field_or_value() {
    assert_eq!(equality("city", "St. \"John\"").as_deref(), Some("city = \"St. \\\"John\\\"\""));
    assert_eq!(equality("colour", "red"), None);
    assert_eq!(equality("country", "Atlantis"), None);
    assert_eq!(equality("port = 1 or port", "2"), None);
}
