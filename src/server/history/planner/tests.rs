//! What archive and store answer together, beside a plain loop over the same flows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fastrand::Rng;
use tempfile::TempDir;

use super::*;
use crate::model::flow_record::{ExporterId, FlowRecord, LocatedFlow, Location};
use crate::model::history::{Dimension, EventKind, EventsQuestion, LinesOf, Metric, SeriesQuestion};
use crate::model::traffic::Direction;
use crate::server::archive::Settings;
use crate::server::collector::batch::FlowBatch;
use crate::server::geolocation::{self, Current, Geolocation, HomeNetworkSetting};
use crate::server::history::answers::{History, ranked};
use crate::server::history::naming::Naming;
use crate::server::history::opening;
use crate::server::history::oracle::Oracle;
use crate::server::history::request::Most;
use crate::server::store::Retention;

/// 2026-03-02 00:00 UTC.
const MONDAY_MS: i64 = 1_772_409_600_000;
const HOUR_MS: i64 = 3_600_000;
const LENGTH_MS: i64 = 50 * HOUR_MS;
const FLOWS: usize = 12_000;
const BATCH: usize = 100;

struct Kept {
    tiers: Tiers,
    oracle: Oracle,
    _folder: TempDir,
}

fn address(rng: &mut Rng) -> IpAddr {
    match rng.u8(..4) {
        0 => Ipv6Addr::from_bits(u128::from(rng.u16(..50)) << 80).into(),
        _ => Ipv4Addr::from_bits(rng.u32(..700)).into(),
    }
}

fn flow(rng: &mut Rng, received_ms: i64) -> LocatedFlow {
    let record = FlowRecord {
        source_address: address(rng),
        destination_address: address(rng),
        source_port: rng.u16(..4) * 111,
        destination_port: rng.u16(..5) * 100,
        protocol: [1, 6, 17][rng.usize(..3)],
        bytes: rng.u64(..10_000),
        packets: rng.u64(..9),
        sampling_interval: [0, 1, 1, 100][rng.usize(..4)],
        input_interface: rng.u32(..3),
        exporter: ExporterId(rng.u32(..2)),
        received_ms,
        ..FlowRecord::default()
    };
    let mut end = || Location { place: rng.u32(..4), as_number: rng.u32(..4) * 1_000 };
    let (source, destination) = (end(), end());
    LocatedFlow { record, source, destination, direction: Direction::ALL[rng.usize(..4)] }
}

fn batches(rng: &mut Rng) -> Vec<Arc<FlowBatch>> {
    let network = |name: &str, network: &str| HomeNetworkSetting {
        name: name.to_owned(),
        networks: vec![network.parse().unwrap()],
        ..HomeNetworkSetting::default()
    };
    let home_networks = vec![
        network("Berlin", "10.1.0.0/16"),
        network("Lyon", "10.2.0.0/16"),
        network("Köln", "10.3.0.0/16"),
    ];
    let settings = geolocation::Settings { home_networks, ..geolocation::Settings::default() };
    let geolocation = Arc::new(Geolocation::without_databases(&settings));
    let exporters: Arc<[IpAddr]> =
        Arc::from([Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::new(192, 0, 2, 2).into()]);
    let moments = (0..FLOWS)
        .map(|index| MONDAY_MS + LENGTH_MS * i64::try_from(index).unwrap() / i64::try_from(FLOWS).unwrap());
    let flows: Vec<LocatedFlow> = moments.map(|moment| flow(rng, moment)).collect();
    let batch = |flows: &[LocatedFlow]| FlowBatch {
        oldest_received_us: flows[0].record.received_ms * 1_000,
        newest_received_us: flows[flows.len() - 1].record.received_ms * 1_000,
        geolocation: Arc::clone(&geolocation),
        exporters: Arc::clone(&exporters),
        flows: flows.to_vec().into(),
    };
    flows.chunks(BATCH).map(|flows| Arc::new(batch(flows))).collect()
}

/// Everything is in the store; the archive has what comes from `first` on.
async fn kept(rng: &mut Rng, first: usize) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        Settings { folder: folder.path().join("archive"), keep_s: None, keep_bytes: None, min_free_bytes: 0 };
    let archive = Arc::new(Archive::open(settings, MONDAY_MS).unwrap());
    let retention = Retention { minutes: None, hours: None, days: None };
    let (store, _) = Store::open(folder.path(), retention, MONDAY_MS).await.unwrap();
    let oracle = Oracle::default();
    let mut position = 0;
    if first > 0 {
        archive.covered(first as u64).unwrap();
    }
    for batch in batches(rng) {
        store.add(&batch, position);
        if position >= first as u64 {
            archive.append(&batch).unwrap();
        }
        position += batch.flows.len() as u64;
        if position % 1_500 == 0 {
            store.commit(batch.newest_received_us / 1_000).await.unwrap();
        }
        oracle.keep(batch);
    }
    archive.flush(MONDAY_MS + LENGTH_MS).unwrap();
    let queries = Queries::new(Arc::clone(&archive), folder.path().join("spill")).unwrap();
    Kept { tiers: Tiers::new(archive, queries, Arc::new(store)), oracle, _folder: folder }
}

fn request(rng: &mut Rng) -> Request {
    let moment = |rng: &mut Rng| {
        let moment = MONDAY_MS - HOUR_MS + rng.i64(0..LENGTH_MS + 2 * HOUR_MS);
        let round = [1, 1_000, 60_000, HOUR_MS, 24 * HOUR_MS][rng.usize(..5)];
        moment / round * round
    };
    let (one, other) = (moment(rng), moment(rng));
    let range = TimeRange { from_ms: one.min(other), to_ms: one.max(other) + 1 };
    let dimensions: &[&str] = [
        &[][..],
        &["outside.city"],
        &["outside.as"],
        &["service"],
        &["protocol", "direction"],
        &["home.as", "exporter"],
        &["in.interface"],
        &["outside.address"],
        &["dst.network", "protocol"],
    ][rng.usize(..9)];
    let filter = [
        "",
        "direction = inbound",
        "protocol = tcp",
        "outside.as = 1000 or protocol = icmp",
        "src.address = 0.0.0.0/24",
        "exporter = 192.0.2.2 and not outside.city = \"Lyon\"",
    ][rng.usize(..6)];
    let step_ms = [None, None, Some(1_000 * 60), Some(HOUR_MS), Some(7 * 60_000)][rng.usize(..5)];
    let metric = Metric::ALL[rng.usize(..4)];
    let most = (step_ms.is_none() && rng.bool()).then(|| Most { metric, groups: rng.usize(1..6) });
    Request {
        range,
        filter: filter.parse().unwrap(),
        dimensions: dimensions.iter().map(|name| Dimension::parse(name).unwrap()).collect(),
        step_ms,
        addresses: metric == Metric::Addresses || rng.bool(),
        most,
    }
}

fn sorted(mut groups: Vec<Group>) -> Vec<Group> {
    groups.sort_by(|one, other| (&one.values, one.step_ms).cmp(&(&other.values, other.step_ms)));
    groups
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_answers_the_sums_are_those_of_a_plain_loop_over_the_flows() {
    let mut rng = Rng::with_seed(20_260_302);
    let kept = kept(&mut rng, 0).await;
    let control = Control::default();
    let mut answered_by = [0; 4];
    for round in 0..300 {
        let request = request(&mut rng);
        let found = kept.tiers.group(&request, &control).await.unwrap();
        let truth = kept.oracle.group(&request, &control).unwrap();
        let context = format!("round {round}: {request:?} of {:?}", found.made_of);
        for tier in &found.made_of.tiers {
            answered_by[*tier as usize] += 1;
        }
        assert!(found.made_of.faults.is_empty() && found.made_of.notes.is_empty(), "{context}");
        assert_eq!(found.groups.count, truth.count, "{context}");
        assert_eq!(sorted(found.groups.totals), sorted(truth.totals), "{context}");
        match request.most {
            Some(most) => {
                assert_eq!(ranked(found.groups.groups, most), ranked(truth.groups, most), "{context}");
            }
            None => assert_eq!(sorted(found.groups.groups), sorted(truth.groups), "{context}"),
        }
    }
    assert!(answered_by.iter().all(|answers| *answers > 0), "{answered_by:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_flow_records_are_gone_the_range_is_widened_to_the_sums_and_the_answer_says_so() {
    let mut rng = Rng::with_seed(7);
    let kept = kept(&mut rng, FLOWS / 2).await;
    let control = Control::default();
    let request = |from_ms: i64, to_ms: i64, dimension: &str| Request {
        range: TimeRange { from_ms: MONDAY_MS + from_ms, to_ms: MONDAY_MS + to_ms },
        filter: Filter::ALL,
        dimensions: vec![Dimension::parse(dimension).unwrap()],
        step_ms: None,
        addresses: false,
        most: None,
    };
    let whole = request(HOUR_MS, 40 * HOUR_MS, "outside.as");
    let found = kept.tiers.group(&whole, &control).await.unwrap();
    assert_eq!(found.made_of.range, Some(whole.range));
    assert!(found.made_of.faults.is_empty() && found.made_of.notes.is_empty());
    assert_eq!(sorted(found.groups.groups), sorted(kept.oracle.group(&whole, &control).unwrap().groups));

    let edges = request(HOUR_MS + 1, 40 * HOUR_MS + 7, "outside.as");
    let found = kept.tiers.group(&edges, &control).await.unwrap();
    let range = found.made_of.range.unwrap();
    assert_eq!(range, TimeRange { from_ms: MONDAY_MS + HOUR_MS, to_ms: MONDAY_MS + 40 * HOUR_MS + 60_000 });
    assert!(found.made_of.faults.is_empty() && found.made_of.notes[0].contains("widened"));
    let truth = kept.oracle.group(&Request { range, ..edges }, &control).unwrap();
    let traffic =
        |groups: Vec<Group>| sorted(groups).into_iter().map(|group| group.traffic).collect::<Vec<_>>();
    assert_eq!(traffic(found.groups.groups), traffic(truth.groups));

    let ports = request(HOUR_MS, 40 * HOUR_MS, "dst.port");
    let found = kept.tiers.group(&ports, &control).await.unwrap();
    assert!(found.made_of.faults[0].contains("are kept from 2026-03-03 01:00:00"), "{:?}", found.made_of);
    let left = TimeRange { from_ms: MONDAY_MS + 25 * HOUR_MS, ..ports.range };
    let truth = kept.oracle.group(&Request { range: left, ..ports }, &control).unwrap();
    assert_eq!(traffic(found.groups.groups), traffic(truth.groups));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_over_time_are_those_of_a_plain_loop_and_both_directions_have_the_same_lines() {
    let Kept { tiers, oracle, _folder } = kept(&mut Rng::with_seed(11), 0).await;
    let geolocation = || Geolocation::without_databases(&geolocation::Settings::default());
    let history = History::new(Arc::new(opening::Kept::from(tiers)), Arc::new(Current::new(geolocation())));
    let naming = Naming::new(Arc::new(geolocation()), Arc::default(), None);
    let range = TimeRange { from_ms: MONDAY_MS + 7 * 60_000, to_ms: MONDAY_MS + 40 * HOUR_MS };
    let question = |filter: &str, lines_filter: &str| SeriesQuestion {
        range,
        filter: filter.to_owned(),
        dimensions: vec![Dimension::parse("outside.city").unwrap()],
        metric: Metric::Addresses,
        lines: 2,
        points: 40,
        lines_of: Some(LinesOf { range, filter: lines_filter.to_owned() }),
    };
    let both = "direction in (inbound, outbound)";
    let mut answers = Vec::new();
    for way in ["inbound", "outbound"] {
        let question = question(&format!("direction = {way}"), both);
        let series = history.series(&question, 0, &naming).await.unwrap();
        let request = |step_ms| Request {
            range,
            filter: question.filter.parse().unwrap(),
            dimensions: question.dimensions.clone(),
            step_ms,
            addresses: true,
            most: None,
        };
        let count = |group: &Group| group.addresses.as_ref().unwrap().count();
        let whole = oracle.group(&request(None), &Control::default()).unwrap();
        let stepped = oracle.group(&request(Some(series.step_ms)), &Control::default()).unwrap();
        let all = series.addresses.unwrap();
        assert_eq!(all.whole, count(&whole.totals[0]), "{way}");
        for total in &stepped.totals {
            let step = usize::try_from((total.step_ms - series.start_ms) / series.step_ms).unwrap();
            assert_eq!(all.steps[step], count(total), "{way}, step {step}");
        }
        let [first, second, rest] = series.lines.as_slice() else { panic!("two lines and the rest") };
        for line in [first, second] {
            let key = |group: &&Group| naming.keys(&question.dimensions, &group.values) == line.keys;
            let truth = whole.groups.iter().find(key).unwrap();
            assert_eq!(line.addresses.as_ref().unwrap().whole, count(truth), "{way}, {:?}", line.keys);
        }
        assert!(rest.keys.is_empty() && rest.addresses.is_none());
        answers.push([first.keys.clone(), second.keys.clone()]);
    }
    assert_eq!(answers[0], answers[1]);
    let many = SeriesQuestion { lines: 50, points: 201, ..question("", "") };
    let refused = history.series(&many, 0, &naming).await.unwrap_err().to_string();
    assert!(refused.contains("10000 at most"), "{refused}");
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_ends() {
    let mut rng = Rng::with_seed(1);
    let kept = kept(&mut rng, 0).await;
    let control = Control::default();
    control.cancel.cancel();
    let request = request(&mut rng);
    let answer = kept.tiers.group(&request, &control).await;
    assert!(matches!(answer, Err(QuestionError::Cancelled)), "{answer:?}");
}

const MINUTE_MS: i64 = 60_000;

/// Twenty hours before the flows, in which every four minutes nothing was collected for one, two or three of them; and
/// these gaps.
fn add_gaps(tiers: &Tiers) -> (TimeRange, Vec<TimeRange>) {
    let range = TimeRange { from_ms: MONDAY_MS - 20 * HOUR_MS, to_ms: MONDAY_MS };
    let gap = |number: i64| {
        let from_ms = range.from_ms + number * 4 * MINUTE_MS;
        TimeRange { from_ms, to_ms: from_ms + (1 + number % 3) * MINUTE_MS }
    };
    let gaps: Vec<TimeRange> = (0..300).map(gap).collect();
    let begins = gaps.iter().skip(1).map(|gap| gap.from_ms).chain([range.to_ms]);
    for (gap, next_ms) in gaps.iter().zip(begins) {
        tiers.store().add_collected(TimeRange { from_ms: gap.to_ms, to_ms: next_ms });
    }
    assert_eq!(tiers.gaps(range), gaps);
    (range, gaps)
}

fn asking(tiers: Tiers) -> (History, Naming) {
    let geolocation = || Geolocation::without_databases(&geolocation::Settings::default());
    let history = History::new(Arc::new(opening::Kept::from(tiers)), Arc::new(Current::new(geolocation())));
    (history, Naming::new(Arc::new(geolocation()), Arc::default(), None))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_has_every_gap_and_events_count_those_without_room() {
    let Kept { tiers, oracle: _, _folder } = kept(&mut Rng::with_seed(12), 0).await;
    let (range, gaps) = add_gaps(&tiers);
    let (history, naming) = asking(tiers);
    let question = |points| SeriesQuestion {
        range,
        filter: String::new(),
        dimensions: Vec::new(),
        metric: Metric::Bytes,
        lines: 1,
        points,
        lines_of: None,
    };
    for points in [1_200, 240, 60, 7] {
        let series = history.series(&question(points), 0, &naming).await.unwrap();
        let told = &series.source.gaps;
        assert!(told.len() <= 2 * series.total.len() + 1, "{} gaps for {points} points", told.len());
        assert!(told.is_sorted_by(|one, next| one.to_ms <= next.from_ms), "{points} points");
        for step in 0..i64::try_from(series.total.len()).unwrap() {
            let from_ms = series.start_ms + step * series.step_ms;
            let step = TimeRange { from_ms, to_ms: from_ms + series.step_ms };
            let within = |gaps: &[TimeRange]| -> i64 {
                gaps.iter().filter_map(|gap| gap.intersection(step)).map(TimeRange::length_ms).sum()
            };
            assert_eq!(within(told), within(&gaps), "{points} points, {step:?}");
        }
        assert!(series.source.note.contains("300 gaps"), "{}", series.source.note);
    }
    let question = EventsQuestion { range, filter: String::new() };
    let events = history.events(&question, 0, &naming).await.unwrap();
    let shown = events.events.iter().filter(|event| event.kind == EventKind::Gap);
    assert_eq!((events.step_ms, shown.clone().count()), (5 * MINUTE_MS, 100));
    assert!(shown.clone().all(|event| event.range.length_ms() == 3 * MINUTE_MS), "the longest");
    assert_eq!(events.left_out, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_after_many_gaps_is_no_burst_out_of_silence() {
    let mut rng = Rng::with_seed(13);
    let Kept { tiers, oracle: _, _folder } = kept(&mut rng, 0).await;
    let (range, _) = add_gaps(&tiers);
    // The history begins before the gaps.
    let received_ms = range.from_ms - HOUR_MS;
    let first = FlowBatch {
        oldest_received_us: received_ms * 1_000,
        newest_received_us: received_ms * 1_000,
        geolocation: Arc::new(Geolocation::without_databases(&geolocation::Settings::default())),
        exporters: Arc::from([IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)); 2]),
        flows: vec![flow(&mut rng, received_ms)].into(),
    };
    tiers.store().add(&first, FLOWS as u64);
    let (history, naming) = asking(tiers);
    let range = TimeRange { to_ms: range.to_ms + 10 * MINUTE_MS, ..range };
    let question = EventsQuestion { range, filter: String::new() };
    let events = history.events(&question, 0, &naming).await.unwrap();
    let bursts: Vec<_> = events.events.iter().filter(|event| event.kind == EventKind::Burst).collect();
    assert!(bursts.is_empty(), "{bursts:?}");
}

#[test]
fn short_gaps_within_a_step_are_told_as_one_as_long_as_they_are_together() {
    let gaps: Vec<TimeRange> = (0..150)
        .map(|number| TimeRange { from_ms: 1_000 * number, to_ms: 1_000 * number + 100 + number })
        .collect();
    assert_eq!(joined_within(gaps.clone(), 1_000), gaps, "one for each step");
    let joined = joined_within(gaps, 10_000);
    assert_eq!(joined.len(), 15);
    assert_eq!(joined[1].length_ms(), (110..120).sum::<i64>());
    let across = [(0, 500), (900, 2_100), (2_200, 2_300), (2_400, 2_500), (2_900, 3_001)]
        .map(|(from_ms, to_ms)| TimeRange { from_ms, to_ms });
    let told = joined_within(across.to_vec(), 1_000);
    assert_eq!(told[2], TimeRange { from_ms: 2_200, to_ms: 2_400 }, "{told:?}");
    assert_eq!((told.len(), told[1], told[3]), (4, across[1], across[4]), "what goes across stays");
}

#[test]
fn of_many_gaps_the_longest_are_told_and_the_others_counted() {
    let gaps: Vec<TimeRange> = (0..300)
        .map(|number| TimeRange { from_ms: 1_000 * number - number, to_ms: 1_000 * number })
        .collect();
    let (told, left_out) = longest(gaps.clone());
    assert_eq!((told.as_slice(), left_out), (&gaps[200..], 200));
    assert_eq!(longest(gaps[..100].to_vec()), (gaps[..100].to_vec(), 0));
}
