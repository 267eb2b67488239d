//! Export packets of real exporters: they decode or are counted, exactly, and nothing makes the decoder
//! panic. The packets are not part of the project: `MERIDIAN_CORPUS` says where they are, and without it
//! these tests say so and pass.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use meridian::model::flow_record::FlowRecord;
use meridian::model::traffic::Traffic;
use meridian::server::collector::intake::{Counters, Intake, Limits};

/// Receive time of all datagrams, microseconds: years after they were made.
const RECEIVED_US: i64 = 1_790_000_000_000_000;

struct Datagram {
    source: SocketAddr,
    payload: Vec<u8>,
}

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("MERIDIAN_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: MERIDIAN_CORPUS is not set");
    }
    folder
}

fn datagrams(file: &Path) -> Vec<Datagram> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(datagram).collect()
}

fn datagram(line: &str) -> Datagram {
    let fields: Vec<_> = line.split('\t').collect();
    let address: IpAddr = fields[0].parse().unwrap();
    let hex = fields[3].as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    let payload =
        hex.chunks(2).map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap()).collect();
    Datagram { source: SocketAddr::new(address, fields[1].parse().unwrap()), payload }
}

/// Every case of the corpus, by folder and name.
fn cases(corpus: &Path) -> BTreeMap<String, Vec<Datagram>> {
    let mut cases = BTreeMap::new();
    for folder in std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()) {
        if !folder.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "tsv") {
                let name = file.strip_prefix(corpus).unwrap().with_extension("");
                cases.insert(name.display().to_string(), datagrams(&file));
            }
        }
    }
    assert!(cases.len() > 60, "only {} cases", cases.len());
    cases
}

fn decoded(datagrams: &[Datagram]) -> (Vec<FlowRecord>, Intake) {
    let mut intake = Intake::new(Limits::default());
    let mut flows = Vec::new();
    for datagram in datagrams {
        intake.datagram(datagram.source, RECEIVED_US, &datagram.payload, &mut flows);
    }
    (flows, intake)
}

fn traffic(flows: &[FlowRecord]) -> Traffic {
    flows
        .iter()
        .fold(Traffic::NONE, |sum, flow| sum + Traffic { flows: 1, bytes: flow.bytes, packets: flow.packets })
}

/// The equations of the intake's account.
fn assert_account_adds_up(counters: &Counters, name: &str) {
    let sum = |by_reason: &[u64]| by_reason.iter().sum::<u64>();
    assert_eq!(
        counters.datagrams,
        sum(&counters.datagrams_by_protocol) + sum(&counters.undecodable_datagrams),
        "{name}: datagrams"
    );
    let waited = counters.sets_waiting + counters.sets_expired + counters.sets_refused;
    let sets = counters.template_sets + counters.data_sets_decoded + waited + sum(&counters.undecodable_sets);
    assert_eq!(counters.sets, sets, "{name}: sets");
    assert_eq!(
        counters.template_records,
        counters.templates_defined + counters.templates_withdrawn + sum(&counters.undecodable_templates),
        "{name}: template records"
    );
    assert_eq!(
        counters.data_records + counters.reverse_records,
        counters.traffic.flows + counters.options_records + counters.empty_records,
        "{name}: data records"
    );
}

#[test]
fn every_case_is_accounted_for() {
    let Some(corpus) = corpus() else { return };
    for (name, datagrams) in cases(&corpus) {
        let (flows, mut intake) = decoded(&datagrams);
        let counters = intake.counters();
        assert_account_adds_up(&counters, &name);
        assert_eq!(counters.traffic, traffic(&flows), "{name}");
        let by_exporter = intake.exporters().iter().fold(Traffic::NONE, |sum, one| sum + one.traffic);
        assert_eq!(by_exporter, counters.traffic, "{name}");
        intake.expire(RECEIVED_US + Limits::default().pending_us + 1);
        assert_eq!(intake.counters().sets_waiting, 0, "{name}");
        assert_account_adds_up(&intake.counters(), &name);
        let problems: Vec<_> = intake.exporters().into_iter().flat_map(|one| one.undecodable).collect();
        println!(
            "{name}: {} flows, {} options, {} reverse, {} zero, {} expired, gaps {}/{} {problems:?}",
            flows.len(),
            counters.options_records,
            counters.reverse_records,
            counters.zero_records,
            intake.counters().sets_expired,
            counters.missing_records,
            counters.missing_datagrams,
        );
    }
}
