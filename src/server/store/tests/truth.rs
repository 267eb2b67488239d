//! Answers beside those of looking at every flow.

use super::flows::{flows, sorted, stored, truth};
use super::{DAY_MS, HOUR_MS, MINUTE_MS, MONDAY_MS, folder, open};
use crate::model::flow_record::LocatedFlow;
use crate::model::history::{Dimension, Metric, Tier};
use crate::model::time_range::TimeRange;
use crate::server::history::control::Control;
use crate::server::history::groups::Groups;
use crate::server::history::request::{Most, Request};
use crate::server::store::Store;

const DIMENSIONS: [&[&str]; 14] = [
    &[],
    &["outside.country"],
    &["direction"],
    &["direction", "outside.country"],
    &["home.country"],
    &["src.country", "dst.country", "exporter"],
    &["outside.as"],
    &["outside.city", "home.city"],
    &["service"],
    &["protocol", "exporter"],
    &["in.interface", "out.interface"],
    &["dst.as", "src.as", "outside.country"],
    &["service", "outside.country", "direction"],
    &["exporter"],
];

const FILTERS: [&str; 16] = [
    "",
    "direction = inbound",
    "direction in (inbound, outbound)",
    "outside.country = \"DE\"",
    "outside.country in (\"DE\", unknown) and direction != transit",
    "country = \"FR\" or src.country = \"DE\"",
    "not (home.country != \"ZA\")",
    "exporter = 192.0.2.1",
    "exporter in 192.0.2.2/31 and direction != internal",
    "protocol = udp",
    "service < 200 and protocol = tcp",
    "interface = 1 and not out.interface = 2",
    "outside.as in (1000, 2000)",
    "as >= 2000 and country != \"US\"",
    "city = \"köln\" or outside.city = \"\"",
    "outside.country = \"US\" and service = 0",
];

async fn answer(store: &Store, request: &Request) -> Option<(Groups, Vec<TimeRange>)> {
    let plan = store.plan(request)?;
    let ranges: Vec<TimeRange> = plan.pieces.iter().map(|(_, range)| *range).collect();
    let length: i64 = ranges.iter().chain(&plan.left).map(|range| range.length_ms()).sum();
    assert!(length >= request.range.length_ms() && length < request.range.length_ms() + MINUTE_MS);
    let groups = store.group(request, &plan.pieces, &Control::default()).await.unwrap()?;
    Some((groups, ranges))
}

fn request(random: &mut fastrand::Rng) -> Request {
    let from_ms = MONDAY_MS - DAY_MS + random.i64(0..4 * DAY_MS);
    let length = [MINUTE_MS, HOUR_MS, 5 * HOUR_MS, 2 * DAY_MS, 9 * DAY_MS][random.usize(..5)];
    let filter = FILTERS[random.usize(..FILTERS.len())].parse().unwrap();
    let dimensions = DIMENSIONS[random.usize(..DIMENSIONS.len())];
    Request {
        range: TimeRange::new(from_ms, from_ms + random.i64(1..=length)).unwrap(),
        filter,
        dimensions: dimensions.iter().map(|name| Dimension::parse(name).unwrap()).collect(),
        step_ms: [None, Some(5 * MINUTE_MS), Some(6 * HOUR_MS), Some(7 * DAY_MS)][random.usize(..4)],
        addresses: random.u8(..3) == 0,
        most: None,
    }
}

async fn compare(store: &Store, flows: &[LocatedFlow], random: &mut fastrand::Rng, rounds: usize) -> usize {
    let mut answered = 0;
    for _ in 0..rounds {
        let request = request(random);
        let Some((groups, ranges)) = answer(store, &request).await else {
            let with = request.filter.to_string();
            assert!(
                request.addresses
                    || with.contains("as") && with.contains("country")
                    || !with.is_empty() && !request.dimensions.is_empty(),
                "{request:?}"
            );
            continue;
        };
        answered += 1;
        assert_eq!(sorted(groups), sorted(truth(flows, &request, &ranges)), "{request:?}");
    }
    answered
}

#[tokio::test]
async fn every_answer_is_what_looking_at_each_flow_gives_written_or_not_and_however_late() {
    for seed in 0..2 {
        let mut random = fastrand::Rng::with_seed(seed);
        let folder = folder();
        let mut store = open(folder.path()).await;
        let flows = flows(&mut random, 1_500);
        let (mut position, mut answered) = (0, 0);
        while position < flows.len() {
            let next = (position + random.usize(1..300)).min(flows.len());
            let part: Vec<_> = flows[position..next].iter().map(stored).collect();
            store.add_stored(&part, position as u64);
            position = next;
            let now_ms = flows[next - 1].record.received_ms.max(MONDAY_MS);
            match random.u8(..4) {
                0 => {}
                // Added twice: what the sums have is left out.
                1 => store.add_stored(&part, (position - part.len()) as u64),
                _ => store.commit(now_ms).await.unwrap(),
            }
            if random.u8(..6) == 0 {
                store.commit(now_ms).await.unwrap();
                store.close().await.unwrap();
                store = open(folder.path()).await;
                assert_eq!(store.position(), position as u64);
            }
            answered += compare(&store, &flows[..position], &mut random, 8).await;
        }
        store.commit(MONDAY_MS + 5 * DAY_MS).await.unwrap();
        answered += compare(&store, &flows, &mut random, 150).await;
        assert!(answered > 100, "{answered}");
    }
}

#[tokio::test]
async fn a_month_is_days_with_hours_and_minutes_at_its_ends() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(9);
    let flows = flows(&mut random, 500);
    store.add_stored(&flows.iter().map(stored).collect::<Vec<_>>(), 0);
    let now_ms = MONDAY_MS + 3 * DAY_MS + 90 * MINUTE_MS + 7;
    store.commit(now_ms).await.unwrap();
    let range = TimeRange::new(MONDAY_MS - 26 * DAY_MS - HOUR_MS - MINUTE_MS - 1, now_ms).unwrap();
    let mut request = Request { range, ..everything() };
    let plan = store.plan(&request).unwrap();
    let tiers: Vec<Tier> = plan.pieces.iter().map(|(tier, _)| *tier).collect();
    assert_eq!(tiers, [Tier::Minute, Tier::Hour, Tier::Day, Tier::Hour, Tier::Minute]);
    assert_eq!(plan.left, [TimeRange::new(range.from_ms, range.from_ms + 1).unwrap()]);
    request.step_ms = Some(HOUR_MS);
    let tiers: Vec<Tier> = store.plan(&request).unwrap().pieces.iter().map(|(tier, _)| *tier).collect();
    assert_eq!(tiers, [Tier::Minute, Tier::Hour, Tier::Minute]);
    request.step_ms = Some(1_000);
    assert_eq!(store.plan(&request).unwrap().pieces, []);
}

#[tokio::test]
async fn what_sums_do_not_know_is_left_to_the_flow_records() {
    let folder = folder();
    let store = open(folder.path()).await;
    for filter in ["src.address = 192.0.2.1", "bytes > 100", "port = 443", "outside.as = 1 and service = 2"] {
        let request = Request { filter: filter.parse().unwrap(), ..everything() };
        assert_eq!(store.plan(&request), None, "{filter}");
    }
    for dimension in ["outside.network", "dst.address", "flags", "src.port"] {
        let dimensions = vec![Dimension::parse(dimension).unwrap()];
        assert_eq!(store.plan(&Request { dimensions, ..everything() }), None, "{dimension}");
    }
}

#[tokio::test]
async fn the_most_are_ranked_and_all_are_counted() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut random = fastrand::Rng::with_seed(3);
    let flows = flows(&mut random, 400);
    store.add_stored(&flows.iter().map(stored).collect::<Vec<_>>(), 0);
    let most = Some(Most { metric: Metric::Flows, groups: 2 });
    let dimensions = vec![Dimension::parse("outside.country").unwrap()];
    let request = Request { dimensions, most, ..everything() };
    let (found, ranges) = answer(&store, &request).await.unwrap();
    let all = truth(&flows, &Request { most: None, ..request }, &ranges);
    let mut figures: Vec<u64> = all.groups.iter().map(|group| group.traffic.flows).collect();
    figures.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!((found.count, found.groups.len()), (5, 2));
    assert_eq!(found.groups.iter().map(|group| group.traffic.flows).collect::<Vec<_>>(), figures[..2]);
}

pub(super) fn everything() -> Request {
    Request {
        range: TimeRange::new(MONDAY_MS - 3 * DAY_MS, MONDAY_MS + 30 * DAY_MS).unwrap(),
        filter: String::new().parse().unwrap(),
        dimensions: Vec::new(),
        step_ms: None,
        addresses: false,
        most: None,
    }
}
