//! Replays beside a plain loop over the same flows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::model::filter::Filter;
use crate::model::flow_record::{ExporterId, FlowRecord, LocatedFlow, Location};
use crate::model::frame::{Frame, TOP_ENTRIES, Totals};
use crate::model::history::{Dimension, Tier};
use crate::model::replay::{Moment, SoFar};
use crate::model::time_range::TimeRange;
use crate::model::traffic::{Direction, Traffic};
use crate::server::archive::query::Queries;
use crate::server::archive::{Archive, Settings};
use crate::server::collector::batch::FlowBatch;
use crate::server::geolocation::{self, Geolocation, HomeNetworkSetting};
use crate::server::history::address_set::AddressSet;
use crate::server::history::control::Control;
use crate::server::history::groups::{Group, Value};
use crate::server::history::opening;
use crate::server::history::oracle::Oracle;
use crate::server::history::planner::Tiers;
use crate::server::history::request::Request;
use crate::server::store::{Retention, Store};

/// 2026-03-02 00:00 UTC.
const MONDAY_MS: i64 = 1_772_409_600_000;
const LENGTH_MS: i64 = 3 * 3_600_000;
const FLOWS: usize = 4_000;
const PATIENCE: Duration = Duration::from_mins(2);
const LIMITS: Limits = Limits { replays: 2, piece_rows: 600, thousands: 1_000 };

struct Kept {
    replays: Replays,
    oracle: Oracle,
    flows: Vec<LocatedFlow>,
    _folder: TempDir,
}

fn address(rng: &mut Rng) -> IpAddr {
    match rng.u8(..4) {
        0 => Ipv6Addr::from_bits(u128::from(rng.u16(..50)) << 80).into(),
        _ => Ipv4Addr::from_bits(rng.u32(..900)).into(),
    }
}

fn flow(rng: &mut Rng, received_ms: i64) -> LocatedFlow {
    let record = FlowRecord {
        source_address: address(rng),
        destination_address: address(rng),
        source_port: rng.u16(..40) * 111,
        destination_port: rng.u16(..5) * 100,
        protocol: [1, 6, 17][rng.usize(..3)],
        bytes: rng.u64(..10_000),
        packets: rng.u64(..9),
        sampling_interval: [0, 1, 1, 100][rng.usize(..4)],
        exporter: ExporterId(0),
        received_ms,
        start_ms: received_ms - 700,
        end_ms: received_ms - rng.i64(0..700),
        ..FlowRecord::default()
    };
    let mut end = || Location { place: rng.u32(..4), as_number: rng.u32(..30) * 1_000 };
    let (source, destination) = (end(), end());
    LocatedFlow { record, source, destination, direction: Direction::ALL[rng.usize(..4)] }
}

fn geolocation() -> Geolocation {
    let network = |name: &str, network: &str, at: f32| HomeNetworkSetting {
        name: name.to_owned(),
        networks: vec![network.parse().unwrap()],
        latitude: Some(at),
        longitude: Some(at),
        ..HomeNetworkSetting::default()
    };
    let home_networks = vec![
        network("Berlin", "10.1.0.0/16", 52.5),
        network("Lyon", "10.2.0.0/16", 45.7),
        network("Köln", "10.3.0.0/16", 50.9),
    ];
    Geolocation::without_databases(&geolocation::Settings {
        home_networks,
        ..geolocation::Settings::default()
    })
}

async fn kept(rng: &mut Rng) -> Kept {
    kept_from(rng, 0).await
}

/// Everything is in the store; the archive has what comes from `first` on.
async fn kept_from(rng: &mut Rng, first: u64) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        Settings { folder: folder.path().join("archive"), keep_s: None, keep_bytes: None, min_free_bytes: 0 };
    let archive = Arc::new(Archive::open(settings, MONDAY_MS).unwrap());
    let retention = Retention { minutes: None, hours: None, days: None };
    let (store, _) = Store::open(folder.path(), retention, MONDAY_MS).await.unwrap();
    let oracle = Oracle::default();
    let current = Arc::new(Current::new(geolocation()));
    let mut moments: Vec<i64> = (0..FLOWS).map(|_| MONDAY_MS + rng.i64(0..LENGTH_MS)).collect();
    // Some are received together.
    moments.extend((0..60).map(|_| MONDAY_MS + LENGTH_MS / 2));
    moments.sort_unstable();
    let flows: Vec<LocatedFlow> = moments.into_iter().map(|moment| flow(rng, moment)).collect();
    if first > 0 {
        archive.covered(first).unwrap();
    }
    let mut position = 0;
    for some in flows.chunks(100) {
        let batch = Arc::new(FlowBatch {
            oldest_received_us: some[0].record.received_ms * 1_000,
            newest_received_us: some[some.len() - 1].record.received_ms * 1_000,
            geolocation: current.load(),
            exporters: Arc::from([IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))]),
            flows: some.to_vec().into(),
        });
        store.add(&batch, position);
        if position >= first {
            archive.append(&batch).unwrap();
        }
        position += batch.flows.len() as u64;
        oracle.keep(batch);
    }
    archive.flush(MONDAY_MS + LENGTH_MS).unwrap();
    let queries = Queries::new(Arc::clone(&archive), folder.path().join("spill")).unwrap();
    let tiers = Tiers::new(archive, queries, Arc::new(store));
    let history = Arc::new(History::new(Arc::new(opening::Kept::from(tiers)), Arc::clone(&current)));
    Kept { replays: Replays::new(LIMITS, history, current).unwrap(), oracle, flows, _folder: folder }
}

impl Kept {
    fn begin(&self, subscription: &ReplaySubscription) -> Replay {
        self.replays.begin(subscription, 1, None).unwrap()
    }

    /// All flows of a range that pass the filter.
    fn totals(&self, range: TimeRange, filter: &str) -> [Traffic; 4] {
        let filter: Filter = filter.parse().unwrap();
        let mut totals = [Traffic::NONE; 4];
        for flow in &self.flows {
            if range.contains(flow.record.received_ms) && filter.matches(flow, &Nowhere) {
                totals[flow.direction.index()] += Traffic::of(&flow.record);
            }
        }
        totals
    }

    fn groups(&self, range: TimeRange, filter: &str, dimension: &str) -> Vec<Group> {
        let request = Request {
            range,
            filter: filter.parse().unwrap(),
            dimensions: vec![Dimension::parse(dimension).unwrap()],
            step_ms: None,
            addresses: true,
            most: None,
        };
        let mut groups = self.oracle.group(&request, &Control::default()).unwrap().groups;
        groups.sort_by_key(|group| {
            std::cmp::Reverse((group.traffic.scaled_bytes, group.traffic.flows, group.values.clone()))
        });
        groups
    }

    /// What a moment says has to be what a plain loop finds.
    fn check(&self, so_far: &SoFar, range: TimeRange, clock_ms: i64, filter: &str, by_country: bool) {
        let passed = TimeRange { from_ms: range.from_ms, to_ms: clock_ms };
        let by_direction = self.totals(passed, filter);
        assert_eq!(so_far.by_direction, by_direction, "{passed:?} {filter}");
        assert_eq!(so_far.all.traffic, by_direction.into_iter().fold(Traffic::NONE, |sum, one| sum + one));
        let truth = self.groups(passed, filter, "outside.as");
        let numbers: Vec<_> =
            so_far.top_as.iter().map(|top| (Value::Number(top.as_number.into()), top.traffic)).collect();
        assert_eq!(numbers, firsts(&truth), "{passed:?} {filter}");
        let mut truth = self.groups(passed, filter, "service");
        truth.retain(|group| !matches!(group.values[0], Value::Service { port: 0, .. }));
        let ports: Vec<_> = so_far
            .top_ports
            .iter()
            .map(|top| (Value::Service { port: top.port, protocol: top.protocol }, top.traffic))
            .collect();
        assert_eq!(ports, firsts(&truth), "{passed:?} {filter}");
        let truth = self.groups(passed, filter, "outside.country");
        let countries: Vec<_> =
            so_far.top_countries.iter().map(|top| (Value::Country(top.country), top.traffic)).collect();
        assert_eq!(countries, firsts(&truth), "{passed:?} {filter}");
        if by_country {
            let addresses: Vec<_> = so_far.countries.iter().map(|row| row.amount.addresses).collect();
            let truth: Vec<_> =
                truth.iter().map(|group| group.addresses.as_ref().map(AddressSet::count)).collect();
            assert_eq!(addresses, truth, "{passed:?} {filter}");
        }
    }
}

fn firsts(groups: &[Group]) -> Vec<(Value, Traffic)> {
    groups.iter().take(TOP_ENTRIES).map(|group| (group.values[0].clone(), group.traffic)).collect()
}

/// The filters of these tests ask for nothing that a place says.
struct Nowhere;

impl crate::model::filter::PlaceLookup for Nowhere {
    fn country(&self, _: u32) -> Option<crate::model::place::CountryCode> {
        None
    }

    fn city(&self, _: u32) -> &'static str {
        ""
    }

    fn exporter_address(&self, _: ExporterId) -> Option<IpAddr> {
        None
    }
}

async fn next(replay: &mut Replay) -> Message {
    timeout(PATIENCE, replay.next()).await.expect("nothing came in time").expect("the replay ended")
}

/// The moment after so many requests that says all.
async fn moment(replay: &mut Replay, answers: u64) -> Moment {
    loop {
        match next(replay).await {
            Message::Moment(moment) if moment.answers == answers && moment.so_far.is_some() => {
                return *moment;
            }
            Message::Moment(_) | Message::Frame(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn assert_lawful(frame: &Frame) {
    let arcs = frame.arcs.iter().fold(Traffic::NONE, |sum, arc| sum + arc.traffic);
    assert_eq!(arcs + frame.passed.not_drawn + frame.passed.unlocated, frame.passed.all);
    let by_direction = frame.passed.by_direction.into_iter().fold(Traffic::NONE, |sum, one| sum + one);
    assert_eq!(by_direction, frame.passed.all);
    assert!(frame.arcs.iter().all(|arc| (arc.from.max(arc.to) as usize) < frame.places.len()));
    assert!(frame.flows.is_sorted_by_key(|flow| std::cmp::Reverse(flow.received_ms)));
}

fn whole() -> TimeRange {
    TimeRange { from_ms: MONDAY_MS, to_ms: MONDAY_MS + LENGTH_MS }
}

const FILTERS: [&str; 4] =
    ["", "direction = inbound", "protocol = tcp and bytes > 3000", "outside.as = 7000"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_it_is_sought_a_still_moment_is_what_a_plain_loop_finds() {
    let mut rng = Rng::with_seed(51);
    let kept = kept(&mut rng).await;
    for filter in FILTERS {
        let from_ms = MONDAY_MS + rng.i64(0..LENGTH_MS / 3);
        let range = TimeRange { from_ms, to_ms: from_ms + LENGTH_MS / 2 + rng.i64(0..LENGTH_MS / 3) };
        let by_country = rng.bool();
        let mut replay = kept.begin(&ReplaySubscription {
            range,
            filter: filter.to_owned(),
            is_paused: true,
            by_country,
            speed: 60.0,
            ..ReplaySubscription::default()
        });
        let first = moment(&mut replay, 1).await;
        assert_eq!((first.clock_ms, first.is_playing, first.is_at_end), (range.from_ms, false, false));
        for answers in 2..8 {
            let at_ms = match answers {
                2 => range.to_ms + 5,
                3 => range.from_ms - 5,
                _ => range.from_ms + rng.i64(0..range.length_ms()),
            };
            replay.seek(at_ms, answers);
            let moment = moment(&mut replay, answers).await;
            let clock_ms = at_ms.clamp(range.from_ms, range.to_ms);
            assert_eq!(moment.clock_ms, clock_ms);
            assert_eq!(moment.is_at_end, clock_ms == range.to_ms);
            kept.check(&moment.so_far.unwrap(), range, clock_ms, filter, by_country);
            let picture = moment.picture.unwrap();
            assert_lawful(&picture.frame);
            let shown_from = (clock_ms - 60_000).max(range.from_ms);
            assert_eq!(picture.picture_ms, clock_ms - shown_from);
            let shown = kept.totals(TimeRange { from_ms: shown_from, to_ms: clock_ms }, filter);
            assert_eq!(picture.frame.passed.by_direction, shown);
            assert!(picture.frame.flows.iter().all(|flow| flow.received_ms < clock_ms));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forwards_and_backwards_at_any_speed_frames_and_moments_agree_with_a_plain_loop() {
    let mut rng = Rng::with_seed(52);
    let kept = kept(&mut rng).await;
    for (speed, filter) in
        [(20_000.0, ""), (-20_000.0, ""), (3_000.0, FILTERS[2]), (-6_000.0, FILTERS[1]), (1_000_000.0, "")]
    {
        let range = whole();
        let mut replay = kept.begin(&ReplaySubscription {
            range,
            filter: filter.to_owned(),
            speed,
            by_country: true,
            arcs_per_second: 20,
            ..ReplaySubscription::default()
        });
        let begins = if speed < 0.0 { range.to_ms } else { range.from_ms };
        let mut totals = Totals::default();
        if speed < 0.0 {
            for (direction, traffic) in Direction::ALL.into_iter().zip(kept.totals(range, filter)) {
                totals.count(direction, traffic);
            }
        }
        let (mut clock_ms, mut checked, mut frames) = (begins, 0, 0);
        loop {
            match next(&mut replay).await {
                Message::Frame(frame) => {
                    assert_lawful(&frame);
                    assert_eq!(frame.is_backward, speed < 0.0);
                    let passed = if speed < 0.0 {
                        TimeRange { from_ms: frame.clock_ms, to_ms: clock_ms }
                    } else {
                        TimeRange { from_ms: clock_ms, to_ms: frame.clock_ms }
                    };
                    assert_eq!(frame.passed.by_direction, kept.totals(passed, filter), "{passed:?}");
                    (clock_ms, frames) = (frame.clock_ms, frames + 1);
                }
                Message::Moment(moment) => {
                    assert_eq!(moment.clock_ms, clock_ms);
                    assert_eq!(moment.picture.is_some(), !moment.is_playing);
                    if let Some(so_far) = moment.so_far {
                        kept.check(&so_far, range, clock_ms, filter, true);
                        checked += 1;
                        if moment.is_at_end {
                            break;
                        }
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(clock_ms, if speed < 0.0 { range.from_ms } else { range.to_ms });
        assert!(checked > 0 && frames > 0, "{checked} {frames}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_seeks_are_one_and_the_latest_is_answered() {
    let mut rng = Rng::with_seed(53);
    let kept = kept(&mut rng).await;
    let range = whole();
    let mut replay =
        kept.begin(&ReplaySubscription { range, is_paused: true, ..ReplaySubscription::default() });
    let mut at_ms = 0;
    for answers in 2..200 {
        at_ms = range.from_ms + rng.i64(0..range.length_ms());
        replay.seek(at_ms, answers);
    }
    let found = moment(&mut replay, 199).await;
    assert_eq!(found.clock_ms, at_ms);
    assert!(kept.replays.metrics().moments() < 20);
    replay.pause(false, 200);
    let playing = moment(&mut replay, 200).await;
    assert!(playing.is_playing && playing.picture.is_none());
    replay.speed(-1.0, 201).unwrap();
    replay.pause(true, 202);
    let still = moment(&mut replay, 202).await;
    assert_eq!((still.speed, still.is_playing, still.pace), (-1.0, false, 0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_played_is_refused_with_what_to_write_instead() {
    let mut rng = Rng::with_seed(54);
    let kept = kept(&mut rng).await;
    let good = ReplaySubscription { range: whole(), is_paused: true, ..ReplaySubscription::default() };
    let refused = |subscription: ReplaySubscription| {
        kept.replays.begin(&subscription, 1, None).err().map(|refusal| (refusal.message, refusal.position))
    };
    let empty = TimeRange { from_ms: 5, to_ms: 5 };
    let (message, _) = refused(ReplaySubscription { range: empty, ..good.clone() }).unwrap();
    assert!(message.contains("empty"), "{message}");
    let (message, position) =
        refused(ReplaySubscription { filter: "port = 443 and contry = DE".to_owned(), ..good.clone() })
            .unwrap();
    assert!(message.contains("country") && position == Some(15), "{message}");
    for speed in [0.0, f64::NAN, 2e6, -0.001] {
        let (message, _) = refused(ReplaySubscription { speed, ..good.clone() }).unwrap();
        assert!(message.contains("write 0.01 to 1000000"), "{message}");
    }
    let mut one = kept.begin(&good);
    let _other = kept.begin(&good);
    let (message, _) = refused(good.clone()).unwrap();
    assert!(message.contains("2 replays"), "{message}");
    let again = kept.replays.begin(&good, 9, Some(&mut one));
    drop(one);
    assert_eq!(moment(&mut again.unwrap(), 9).await.clock_ms, MONDAY_MS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_flow_records_are_gone_sums_are_played_with_exact_totals_and_it_is_said() {
    let mut rng = Rng::with_seed(55);
    let kept = kept_from(&mut rng, 3_000).await;
    let range = whole();
    let mut replay = kept.begin(&ReplaySubscription {
        range,
        speed: 10_000.0,
        arcs_per_second: 200,
        ..ReplaySubscription::default()
    });
    let mut totals = Totals::default();
    let mut clock_ms = range.from_ms;
    loop {
        match next(&mut replay).await {
            Message::Frame(frame) => {
                assert_lawful(&frame);
                totals += frame.passed;
                clock_ms = frame.clock_ms;
            }
            Message::Moment(moment) => {
                assert_eq!(moment.source.tiers, [Tier::Minute]);
                assert!(moment.source.note.contains("Played from minute sums"), "{}", moment.source.note);
                let bucket = if moment.is_at_end { clock_ms } else { clock_ms / 60_000 * 60_000 };
                let passed = TimeRange { from_ms: range.from_ms, to_ms: bucket };
                assert_eq!(totals.by_direction, kept.totals(passed, ""), "{passed:?}");
                if let Some(so_far) = moment.so_far {
                    kept.check(&so_far, range, bucket, "", false);
                    if moment.is_at_end {
                        break;
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    let at_ms = range.from_ms + 3_600_000;
    replay.seek(at_ms, 2);
    replay.pause(true, 3);
    let still = moment(&mut replay, 3).await;
    kept.check(&still.so_far.unwrap(), range, at_ms, "", false);
    let picture = still.picture.unwrap();
    let shown = TimeRange { from_ms: at_ms - picture.picture_ms, to_ms: at_ms };
    assert_eq!(picture.frame.passed.by_direction, kept.totals(shown, ""));
}
