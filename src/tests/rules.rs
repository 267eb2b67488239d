//! What the operator's rules do to what comes: admission, the limit per exporter, counting once, and the warning.
#![expect(clippy::unwrap_used, reason = "the functions that tests share fail a test by it")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use meridian::model::admission::AdmissionStatus;
use meridian::model::double_counting::DoubleCounting;
use meridian::model::exporter::{Exporter, Protocol};
use meridian::model::flow_record::{FlowDirection, FlowRecord};
use meridian::model::traffic::Traffic;
use meridian::server::collector::admission::MAX_NOT_ADMITTED;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::collector::rules::Rules;
use meridian::server::config::file::ConfigFile;
use meridian::server::wire::encode::{self, Message};
use meridian::server::wire::ipfix;
use meridian::server::wire::template::{Definition, Field};

const NOW_US: i64 = 1_790_000_000_000_000;
const SECOND_US: i64 = 1_000_000;

/// The rules of a configuration file.
fn rules(text: &str) -> Rules {
    ConfigFile::parse(text, Path::new("meridian.toml")).unwrap().rules()
}

/// A collector with the flows it hands on.
struct Site {
    intake: Intake,
    flows: Vec<FlowRecord>,
}

impl Site {
    fn new(text: &str) -> Self {
        Self::limited(text, Limits::default())
    }

    fn limited(text: &str, limits: Limits) -> Self {
        Self { intake: Intake::new(limits, Arc::new(rules(text))), flows: Vec::new() }
    }

    fn datagram(&mut self, source: &str, received_us: i64, payload: &[u8]) {
        let source = SocketAddr::new(source.parse().unwrap(), 50_000);
        self.intake.datagram(source, received_us, payload, &mut self.flows);
        assert_eq!(self.intake.counters().imbalance(), None);
    }

    /// Flows that an exporter sends at a time, in IPFIX.
    fn export(&mut self, exporter: &mut Router, received_us: i64, flows: &[FlowRecord]) {
        for payload in exporter.encoder.datagrams(flows, received_us / 1000, 1_000_000) {
            self.datagram(exporter.address, received_us, &payload);
        }
    }

    fn exporter(&self, address: &str) -> Exporter {
        let address: IpAddr = address.parse().unwrap();
        self.intake.exporters().into_iter().find(|exporter| exporter.address == address).unwrap()
    }

    /// What the page says about flows counted twice.
    fn warnings(&mut self, now_us: i64) -> Vec<DoubleCounting> {
        self.intake.expire(now_us);
        self.intake.double_counting().to_vec()
    }
}

struct Router {
    address: &'static str,
    encoder: encode::Exporter,
}

impl Router {
    fn new(address: &'static str) -> Self {
        Self { address, encoder: encode::Exporter::new(Protocol::Ipfix, 1) }
    }
}

/// Conversations from port `first` on, each its own.
fn conversations(first: u16, count: u16) -> Vec<FlowRecord> {
    let flow = |number: u16| FlowRecord {
        source_address: Ipv4Addr::from_bits(0x0a00_0000 + u32::from(number) * 7).into(),
        destination_address: Ipv4Addr::new(198, 51, 100, 7).into(),
        source_port: number,
        destination_port: 443,
        protocol: 6,
        bytes: 1_000 + u64::from(number) * 3,
        packets: 2 + u64::from(number % 50),
        start_ms: NOW_US / 1000 - 2000,
        end_ms: NOW_US / 1000 - 1000,
        input_interface: 1,
        output_interface: 2,
        ..FlowRecord::default()
    };
    (first..first + count).map(flow).collect()
}

fn seen(flows: &[FlowRecord], direction: Option<FlowDirection>) -> Vec<FlowRecord> {
    flows.iter().map(|flow| FlowRecord { flow_direction: direction, ..*flow }).collect()
}

fn traffic(flows: &[FlowRecord]) -> Traffic {
    Traffic::of_all(flows)
}

#[test]
fn the_worker_of_a_group_has_room_for_all_its_exporters() {
    let group = "[[count_once]]\nname = \"core\"\nexporters = [\"192.0.2.0/24\"]\nby = \"first_exporter\"\n";
    for (text, known) in [("", 16), (group, 128)] {
        let limits = Limits { exporters: 128, ..Limits::default() };
        let mut intakes = Intake::for_workers(limits, &Arc::new(rules(text)), 8);
        for last in 0..=u8::MAX {
            let mut encoder = encode::Exporter::new(Protocol::NetflowV5, 1);
            let payload = encoder.datagrams(&conversations(1, 1), NOW_US / 1000, 1_000_000).remove(0);
            let source = SocketAddr::from(([192, 0, 2, last], 50_000));
            intakes[0].datagram(source, NOW_US, &payload, &mut Vec::new());
        }
        assert_eq!(intakes[0].exporter_count(), known, "{text}");
    }
}

#[test]
fn who_is_not_admitted_is_listed_with_the_line_that_would_admit_it_and_makes_no_state() {
    let text = "[admission]\nnetworks = [\"192.0.2.0/24\", \"2001:db8::/32\"]\n";
    let mut site = Site::new(text);
    site.export(&mut Router::new("192.0.2.1"), NOW_US, &conversations(0, 30));
    site.export(&mut Router::new("2001:db8::1"), NOW_US, &conversations(0, 30));
    let sent = Router::new("203.0.113.9").encoder.datagrams(&conversations(0, 90), NOW_US / 1000, 0).len();
    site.export(&mut Router::new("203.0.113.9"), NOW_US, &conversations(0, 90));
    site.datagram("203.0.113.9", NOW_US + SECOND_US, b"garbage");
    assert_eq!((site.flows.len(), site.intake.exporter_count()), (60, 2));
    assert_eq!(site.intake.counters().datagrams_not_admitted, sent as u64 + 1);
    let listed = site.intake.not_admitted();
    let [only] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((only.address.to_string(), only.datagrams), ("203.0.113.9".to_owned(), sent as u64 + 1));
    assert_eq!((only.first_seen_ms, only.last_seen_ms), (NOW_US / 1000, NOW_US / 1000 + 1000));

    let networks = rules(text).admission.networks().to_vec();
    let status = AdmissionStatus { networks, ..AdmissionStatus::default() };
    let line = status.line_admitting(only.address);
    assert_eq!(line, "networks = [\"192.0.2.0/24\", \"2001:db8::/32\", \"203.0.113.9\"]");
    assert!(rules(&format!("[admission]\n{line}\n")).admission.admits(only.address));
}

#[test]
fn forged_sources_push_each_other_off_the_list_and_nobody_else() {
    let mut site = Site::new("[admission]\nnetworks = [\"192.0.2.0/24\"]\n");
    let many = u32::try_from(MAX_NOT_ADMITTED).unwrap() + 100;
    for number in 0..many {
        let source = Ipv4Addr::from_bits(0xcb00_7100 + number).to_string();
        site.datagram(&source, NOW_US + i64::from(number) * 1000, &[0, 10]);
    }
    let listed = site.intake.not_admitted();
    let (newest, kept) = (listed[0].address.to_string(), listed.len());
    assert_eq!((newest, kept), (Ipv4Addr::from_bits(0xcb00_7100 + many - 1).to_string(), MAX_NOT_ADMITTED));
    assert_eq!(site.intake.counters().not_admitted_replaced, 100);
    assert_eq!(site.intake.counters().datagrams_not_admitted, u64::from(many));
    site.export(&mut Router::new("192.0.2.1"), NOW_US, &conversations(0, 30));
    assert_eq!(site.flows.len(), 30);
}

#[test]
fn an_exporter_over_its_limit_loses_flows_that_are_counted_and_nothing_is_called_missing() {
    let mut site = Site::new("[admission]\nflow_records_per_second = 100\n");
    let mut greedy = Router::new("192.0.2.1");
    let mut modest = Router::new("192.0.2.2");
    for second in 0..60 {
        site.export(&mut greedy, NOW_US + second * SECOND_US, &conversations(0, 1000));
        site.export(&mut modest, NOW_US + second * SECOND_US, &conversations(0, 90));
    }
    let (greedy, modest) = (site.exporter("192.0.2.1"), site.exporter("192.0.2.2"));
    assert_eq!((modest.traffic.flows, modest.rate_limited_records), (5_400, 0));
    assert_eq!(greedy.traffic.flows + greedy.rate_limited_records, 60_000, "all that was sent");
    // A minute's worth and the bucket of five seconds, and what the last set took too much.
    assert!((6_400..6_450).contains(&greedy.traffic.flows), "{}", greedy.traffic.flows);
    assert_eq!((greedy.sequence_gaps, greedy.sequence_missing), (0, 0));
    let counters = site.intake.counters();
    assert_eq!(counters.rate_limited_records, greedy.rate_limited_records);
    assert!(counters.rate_limited_sets > 0);
}

#[test]
fn netflow_v5_and_v9_over_the_limit_are_not_called_missing_either() {
    for protocol in [Protocol::NetflowV5, Protocol::NetflowV9] {
        let mut site = Site::new("[admission]\nflow_records_per_second = 100\n");
        let mut router = Router { address: "192.0.2.1", encoder: encode::Exporter::new(protocol, 1) };
        for second in 0..60 {
            site.export(&mut router, NOW_US + second * SECOND_US, &conversations(0, 1000));
        }
        let exporter = site.exporter("192.0.2.1");
        assert_eq!(exporter.traffic.flows + exporter.rate_limited_records, 60_000, "{}", protocol.name());
        assert!(exporter.rate_limited_records > 50_000);
        assert_eq!((exporter.sequence_gaps, exporter.undecodable), (0, vec![]));
    }
}

#[test]
fn templates_and_options_in_what_is_over_the_limit_are_not_lost() {
    let field = |(element, length)| Field { element, enterprise: 0, length };
    let definition = |id, fields: &[(u16, u16)], scope_count: usize| Definition {
        id,
        is_options: scope_count > 0,
        scope_count,
        fields: fields.iter().copied().map(field).collect(),
    };
    let message = |sequence| {
        let header =
            ipfix::Header { length: 0, export_time_s: 1_790_000_000, sequence, observation_domain: 1 };
        Message::ipfix(&header)
    };
    let flow = definition(256, &[(7, 2), (1, 2)], 0);
    let data = |message: &mut Message, template: &Definition, records: u16| {
        message.begin_set(template.id);
        for port in 1..=records {
            message.record(template, [&port.to_be_bytes()[..], &[1, 0]]);
        }
    };
    let mut site = Site::new("[admission]\nflow_records_per_second = 1\n");
    let mut first = message(0);
    first.template(&flow);
    data(&mut first, &flow, 100);
    site.datagram("192.0.2.1", NOW_US, &first.finish());
    assert_eq!(site.flows.len(), 100, "the bucket was full, and a set is not cut");

    // All in one datagram while the limit is used up: a new template, data, options template, options.
    let (new, options) = (definition(300, &[(7, 2), (1, 2)], 0), definition(301, &[(149, 2), (34, 2)], 1));
    let mut over = message(100);
    data(&mut over, &flow, 10);
    over.template(&new);
    data(&mut over, &new, 10);
    over.template(&options);
    data(&mut over, &options, 1);
    site.datagram("192.0.2.1", NOW_US + SECOND_US, &over.finish());
    let exporter = site.exporter("192.0.2.1");
    assert_eq!((site.flows.len(), exporter.rate_limited_sets, exporter.rate_limited_records), (100, 2, 20));
    assert_eq!((exporter.options_records, exporter.templates.len()), (1, 3));

    // Data that waited for its template falls under the limit, too.
    let late = definition(302, &[(7, 2), (1, 2)], 0);
    let mut before = message(121);
    data(&mut before, &late, 5);
    site.datagram("192.0.2.1", NOW_US + 2 * SECOND_US, &before.finish());
    let mut template = message(126);
    template.template(&late);
    site.datagram("192.0.2.1", NOW_US + 3 * SECOND_US, &template.finish());
    assert_eq!((site.flows.len(), site.exporter("192.0.2.1").rate_limited_records), (100, 25));

    // The debt is paid: what was defined meanwhile decodes.
    let mut after = message(126);
    data(&mut after, &new, 3);
    data(&mut after, &late, 2);
    site.datagram("192.0.2.1", NOW_US + 200 * SECOND_US, &after.finish());
    assert_eq!((site.flows.len(), site.exporter("192.0.2.1").sequence_gaps), (105, 0));
    assert_eq!(site.exporter("192.0.2.1").undecodable, vec![]);
}

const PATH: &str =
    "[[count_once]]\nname = \"path\"\nexporters = [\"192.0.2.0/29\"]\nby = \"first_exporter\"\n";

#[test]
fn flows_that_two_exporters_report_are_counted_as_those_of_one() {
    let flows = conversations(0, 1000);
    let (mut edge, mut core) = (Router::new("192.0.2.1"), Router::new("192.0.2.2"));
    // The other one seconds later.
    let mut site = Site::new(PATH);
    site.export(&mut edge, NOW_US, &flows);
    site.export(&mut core, NOW_US + 7 * SECOND_US, &flows);
    assert_eq!(site.intake.counters().traffic, traffic(&flows));
    assert_eq!(site.intake.counters().duplicate_flows, traffic(&flows));
    assert_eq!(traffic(&site.flows), traffic(&flows));
    assert_eq!(site.exporter("192.0.2.2").duplicate_flows.flows, 1000);
    // Both at once, each first with half of the flows, and again while they last.
    let mut site = Site::new(PATH);
    let (mut edge, mut core) = (Router::new("192.0.2.1"), Router::new("192.0.2.2"));
    for minute in 0..5 {
        let now_us = NOW_US + minute * 60 * SECOND_US;
        for (number, part) in flows.chunks(20).enumerate() {
            let (first, second) =
                if number % 2 == 0 { (&mut edge, &mut core) } else { (&mut core, &mut edge) };
            site.export(first, now_us, part);
            site.export(second, now_us + SECOND_US, part);
        }
    }
    assert_eq!(site.intake.counters().traffic.flows, 5 * 1000);
    assert_eq!(site.intake.counters().duplicate_flows.flows, 5 * 1000);
    assert_eq!(site.exporter("192.0.2.1").traffic.flows, 5 * 500);
    assert_eq!(site.intake.counters().deduplication_evictions, 0);
    assert!(site.warnings(NOW_US + 300 * SECOND_US).is_empty(), "nothing is counted twice");
}

#[test]
fn an_exporter_owns_its_flows_until_it_was_silent_for_the_timeout() {
    let flows = conversations(0, 100);
    let mut site = Site::new(&format!("{PATH}timeout_s = 60\n"));
    let (mut edge, mut core) = (Router::new("192.0.2.1"), Router::new("192.0.2.2"));
    let flows_at = |site: &mut Site, router: &mut Router, second: i64| {
        let before = site.flows.len();
        site.export(router, NOW_US + second * SECOND_US, &flows);
        site.flows.len() - before
    };
    assert_eq!(flows_at(&mut site, &mut edge, 0), 100);
    assert_eq!(flows_at(&mut site, &mut edge, 50), 100);
    assert_eq!(flows_at(&mut site, &mut core, 109), 0, "the edge reported 59 s ago");
    assert_eq!(flows_at(&mut site, &mut core, 110), 100, "the edge is silent: the core takes over");
    assert_eq!(flows_at(&mut site, &mut edge, 111), 0);
    // A clock that is set back far ends what was owned.
    assert_eq!(flows_at(&mut site, &mut edge, -200_000), 100);
}

#[test]
fn exporters_outside_the_group_and_other_groups_are_counted_as_they_are() {
    let flows = conversations(0, 500);
    let other =
        "[[count_once]]\nname = \"other\"\nexporters = [\"198.51.100.0/24\"]\nby = \"first_exporter\"\n";
    let mut site = Site::new(&format!("{PATH}{other}"));
    for address in ["192.0.2.1", "192.0.2.9", "198.51.100.1"] {
        site.export(&mut Router::new(address), NOW_US, &flows);
    }
    assert_eq!(site.flows.len(), 1500);
    site.export(&mut Router::new("198.51.100.2"), NOW_US, &flows);
    assert_eq!(site.flows.len(), 1500);
}

#[test]
fn records_without_addresses_are_no_duplicates_of_each_other() {
    let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let flow = FlowRecord {
        source_address: unspecified,
        destination_address: unspecified,
        ..conversations(0, 1)[0]
    };
    let mut site = Site::new(PATH);
    for address in ["192.0.2.1", "192.0.2.2"] {
        site.export(&mut Router::new(address), NOW_US, &vec![flow; 500]);
    }
    assert_eq!(site.intake.counters().traffic.flows, 1000);
    let mut site = Site::new("");
    for address in ["192.0.2.1", "192.0.2.2"] {
        site.export(&mut Router::new(address), NOW_US, &vec![flow; 500]);
    }
    assert_eq!(site.warnings(NOW_US + SECOND_US), []);
}

#[test]
fn a_full_table_counts_what_it_forgets_and_stays_as_large_as_it_is() {
    let flows = conversations(0, 1000);
    let mut site = Site::limited(PATH, Limits { owned_flows: 64, ..Limits::default() });
    site.export(&mut Router::new("192.0.2.1"), NOW_US, &flows);
    let counters = site.intake.counters();
    assert_eq!(counters.deduplication_evictions, 1000 - 64);
    site.export(&mut Router::new("192.0.2.2"), NOW_US + SECOND_US, &flows);
    let counters = site.intake.counters();
    assert!(counters.duplicate_flows.flows <= 64);
    assert_eq!(counters.traffic.flows + counters.duplicate_flows.flows, 2000);
}

#[test]
fn ingress_and_egress_of_one_router_are_counted_once_by_the_direction_of_the_rule() {
    let flows = conversations(0, 1000);
    let (ingress, egress) =
        (seen(&flows, Some(FlowDirection::Ingress)), seen(&flows, Some(FlowDirection::Egress)));
    let unmarked = conversations(5000, 10);
    for (by, kept, dropped) in [("ingress", &ingress, &egress), ("egress", &egress, &ingress)] {
        let rule = format!("[[count_once]]\nname = \"r\"\nexporters = [\"192.0.2.1\"]\nby = \"{by}\"\n");
        let mut site = Site::new(&rule);
        let mut router = Router::new("192.0.2.1");
        for part in 0..50 {
            let part = part * 20..part * 20 + 20;
            site.export(&mut router, NOW_US, &[&ingress[part.clone()], &egress[part]].concat());
        }
        site.export(&mut router, NOW_US, &unmarked);
        assert_eq!(traffic(&site.flows), traffic(kept) + traffic(&unmarked), "{by}");
        assert_eq!(site.intake.counters().traffic, traffic(&site.flows));
        assert_eq!(site.exporter("192.0.2.1").duplicate_flows, traffic(dropped));
        // Another router's egress is counted.
        site.export(&mut Router::new("192.0.2.2"), NOW_US, dropped);
        assert_eq!(site.exporter("192.0.2.2").duplicate_flows, Traffic::NONE);
    }
}

#[test]
fn a_rule_of_direction_and_a_group_hold_together() {
    let flows = conversations(0, 500);
    let both =
        [seen(&flows, Some(FlowDirection::Ingress)), seen(&flows, Some(FlowDirection::Egress))].concat();
    let direction = "[[count_once]]\nname = \"in\"\nexporters = [\"192.0.2.0/24\"]\nby = \"ingress\"\n";
    let mut site = Site::new(&format!("{PATH}{direction}"));
    site.export(&mut Router::new("192.0.2.1"), NOW_US, &both);
    site.export(&mut Router::new("192.0.2.2"), NOW_US, &both);
    assert_eq!(site.intake.counters().traffic, traffic(&flows));
    assert_eq!(site.intake.counters().duplicate_flows.flows, 1500);
}

#[test]
fn doubled_traffic_is_told_with_its_share_and_with_the_rule_that_ends_it() {
    let mut site = Site::new("");
    let (mut edge, mut core) = (Router::new("192.0.2.1"), Router::new("192.0.2.2"));
    let all = conversations(0, 8000);
    site.export(&mut core, NOW_US, &all);
    // The edge reports 1,200 of the core's flows and 400 of its own.
    site.export(&mut edge, NOW_US + 5 * SECOND_US, &all[..1200]);
    site.export(&mut edge, NOW_US + 5 * SECOND_US, &conversations(9000, 400));
    let warnings = site.warnings(NOW_US + 6 * SECOND_US);
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    let finding = &warning.findings[0];
    assert!((70..=80).contains(&finding.percent()), "{finding:?}");
    let sentence = warning.sentence();
    assert!(sentence.contains("of the flows of 192.0.2.1"), "{sentence}");
    assert!(sentence.contains("were also reported by 192.0.2.2"), "{sentence}");
    let rule = warning.rule.clone().unwrap();
    let told = "exporters = [\"192.0.2.1\", \"192.0.2.2\"]\nby = \"first_exporter\"";
    assert!(rule.ends_with(told), "{rule}");

    let mut site = Site::new(&rule);
    site.export(&mut Router::new("192.0.2.2"), NOW_US, &all);
    site.export(&mut Router::new("192.0.2.1"), NOW_US + 5 * SECOND_US, &all[..1200]);
    assert_eq!(site.intake.counters().traffic, traffic(&all));
    assert!(site.warnings(NOW_US + 6 * SECOND_US).is_empty());
}

#[test]
fn exporters_of_different_collecting_threads_are_compared() {
    let intakes = Intake::for_workers(Limits::default(), &Arc::default(), 2).into_iter();
    let mut sites: Vec<_> = intakes.map(|intake| Site { intake, flows: Vec::new() }).collect();
    let flows = conversations(0, 2000);
    for (site, address) in sites.iter_mut().zip(["192.0.2.1", "192.0.2.2"]) {
        site.export(&mut Router::new(address), NOW_US, &flows);
    }
    for site in &mut sites {
        let warnings = site.warnings(NOW_US + SECOND_US);
        assert_eq!(warnings[0].findings[0].percent(), 100, "{warnings:?}");
    }
}

#[test]
fn a_third_exporter_on_the_path_is_added_to_the_rule_there_is() {
    let flows = conversations(0, 2000);
    let mut site = Site::new(&format!("{PATH}timeout_s = 1800\n"));
    for address in ["192.0.2.1", "192.0.2.2", "198.51.100.3", "198.51.100.4"] {
        site.export(&mut Router::new(address), NOW_US, &flows);
    }
    let warnings = site.warnings(NOW_US + SECOND_US);
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.replaces.as_deref(), Some("path"));
    let rule = warning.rule.clone().unwrap();
    assert!(rule.contains("[\"192.0.2.0/29\", \"198.51.100.3\", \"198.51.100.4\"]"), "{rule}");
    assert!(rule.contains("timeout_s = 1800"), "{rule}");
    assert_eq!(rules(&rule).count_once.len(), 1);
}

#[test]
fn both_directions_of_one_router_are_told_as_such_and_a_rule_of_direction_ends_it() {
    let flows = conversations(0, 2000);
    let both =
        [seen(&flows, Some(FlowDirection::Ingress)), seen(&flows, Some(FlowDirection::Egress))].concat();
    let mut site = Site::new("");
    site.export(&mut Router::new("192.0.2.1"), NOW_US, &both);
    let warnings = site.warnings(NOW_US + SECOND_US);
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.findings[0].percent(), 100);
    let rule = warning.rule.clone().unwrap();
    assert!(rule.ends_with("exporters = [\"192.0.2.1\"]\nby = \"ingress\""), "{rule}");
    let mut site = Site::new(&rule);
    site.export(&mut Router::new("192.0.2.1"), NOW_US, &both);
    assert!(site.warnings(NOW_US + SECOND_US).is_empty());
    assert_eq!(site.intake.counters().traffic, traffic(&flows));
}

#[test]
fn a_flow_on_two_interfaces_without_directions_is_told_without_a_rule() {
    let flows = conversations(0, 2000);
    let elsewhere: Vec<_> = flows.iter().map(|flow| FlowRecord { input_interface: 9, ..*flow }).collect();
    let mut site = Site::new("");
    site.export(&mut Router::new("192.0.2.1"), NOW_US, &[flows, elsewhere].concat());
    let warnings = site.warnings(NOW_US + SECOND_US);
    assert_eq!((warnings.len(), &warnings[0].rule), (1, &None));
    assert!(warnings[0].sentence().contains("Let it export"), "{}", warnings[0].sentence());
}

#[test]
fn different_traffic_reversed_traffic_and_repeated_reports_are_no_warning() {
    let mut site = Site::new("");
    let (mut one, mut two) = (Router::new("192.0.2.1"), Router::new("192.0.2.2"));
    let flows = conversations(0, 4000);
    let answers: Vec<_> = flows
        .iter()
        .map(|flow| FlowRecord {
            source_address: flow.destination_address,
            destination_address: flow.source_address,
            source_port: flow.destination_port,
            destination_port: flow.source_port,
            ..*flow
        })
        .collect();
    let longer: Vec<_> = flows.iter().map(|flow| FlowRecord { bytes: flow.bytes * 2, ..*flow }).collect();
    for second in [0, 10, 20] {
        let now_us = NOW_US + second * SECOND_US;
        // One reports the same again and again, two the answers, and the same keys with other amounts.
        site.export(&mut one, now_us, &flows);
        site.export(&mut two, now_us, &answers);
        site.export(&mut two, now_us, &longer);
        site.export(&mut two, now_us, &conversations(20_000, 4000));
    }
    // And an equal flow now and then: 5 %.
    site.export(&mut two, NOW_US + 21 * SECOND_US, &flows[..200]);
    assert_eq!(site.warnings(NOW_US + 22 * SECOND_US), []);
}

#[test]
fn too_few_flows_and_flows_a_minute_apart_are_no_warning() {
    let mut site = Site::new("");
    for (address, second) in [("192.0.2.1", 0), ("192.0.2.2", 1)] {
        site.export(&mut Router::new(address), NOW_US + second * SECOND_US, &conversations(0, 60));
    }
    assert_eq!(site.warnings(NOW_US + 2 * SECOND_US), []);
    for (address, second) in [("192.0.2.1", 10), ("192.0.2.2", 71)] {
        site.export(&mut Router::new(address), NOW_US + second * SECOND_US, &conversations(2000, 4000));
    }
    assert_eq!(site.warnings(NOW_US + 72 * SECOND_US), []);
}

#[test]
fn a_warning_goes_when_the_traffic_is_no_longer_doubled() {
    let mut site = Site::new("");
    let (mut one, mut two) = (Router::new("192.0.2.1"), Router::new("192.0.2.2"));
    let flows = conversations(0, 2000);
    site.export(&mut one, NOW_US, &flows);
    site.export(&mut two, NOW_US, &flows);
    assert_eq!(site.warnings(NOW_US + SECOND_US).len(), 1);
    let mut told = Vec::new();
    for minute in 1..12 {
        let now_us = NOW_US + minute * 60 * SECOND_US;
        site.export(&mut one, now_us, &flows);
        site.export(&mut two, now_us + SECOND_US, &conversations(30_000, 2000));
        told.push(site.warnings(now_us + 2 * SECOND_US).len());
    }
    assert_eq!((told[0], told[10]), (1, 0), "{told:?}");
}

#[test]
fn at_a_high_rate_the_sample_shrinks_and_the_share_stays_right() {
    let mut site = Site::new("");
    let (mut one, mut two) = (Router::new("192.0.2.1"), Router::new("192.0.2.2"));
    for second in 0..12 {
        let flows: Vec<_> = conversations(0, 20_000)
            .into_iter()
            .map(|flow| FlowRecord {
                destination_address: Ipv4Addr::from_bits(0xc633_0000 + second).into(),
                ..flow
            })
            .collect();
        let now_us = NOW_US + i64::from(second) * SECOND_US;
        site.export(&mut one, now_us, &flows);
        site.export(&mut two, now_us + SECOND_US / 2, &flows[..10_000]);
        site.flows.clear();
    }
    let warnings = site.warnings(NOW_US + 12 * SECOND_US);
    let finding = &warnings[0].findings[0];
    assert!(finding.percent() >= 95, "{finding:?}");
    assert!(finding.looked_at < 20_000, "{finding:?}");
}
