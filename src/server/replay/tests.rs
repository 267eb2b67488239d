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
const LIMITS: Limits = Limits {
    replays: 2,
    replays_per_visitor: 1,
    still: Duration::from_mins(5),
    piece_rows: 600,
    picture_rows: 100_000,
    thousands: 1_000,
};

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
    kept_with(rng, first, LIMITS).await
}

async fn kept_with(rng: &mut Rng, first: u64, limits: Limits) -> Kept {
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
    Kept { replays: Replays::new(limits, history, current).unwrap(), oracle, flows, _folder: folder }
}

impl Kept {
    async fn begin(&self, subscription: &ReplaySubscription) -> Replay {
        let begun = async {
            loop {
                match self.replays.begin(subscription, 1, None, None).await {
                    Ok(begun) => break begun,
                    // Those before have not ended yet.
                    Err(refusal) if refusal.message.contains("try again") => tokio::task::yield_now().await,
                    Err(refusal) => panic!("{refusal:?}"),
                }
            }
        };
        timeout(PATIENCE, begun).await.expect("no seat is free")
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
        let mut replay = kept
            .begin(&ReplaySubscription {
                range,
                filter: filter.to_owned(),
                is_paused: true,
                by_country,
                speed: 60.0,
                ..ReplaySubscription::default()
            })
            .await;
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
        let mut replay = kept
            .begin(&ReplaySubscription {
                range,
                filter: filter.to_owned(),
                speed,
                by_country: true,
                arcs_per_second: 20,
                ..ReplaySubscription::default()
            })
            .await;
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
                    assert!(moment.picture.is_none() || !moment.is_playing);
                    assert!(moment.picture.is_some() || moment.is_playing || moment.so_far.is_none());
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
        kept.begin(&ReplaySubscription { range, is_paused: true, ..ReplaySubscription::default() }).await;
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
    let refused = async |subscription: ReplaySubscription| {
        let begun = kept.replays.begin(&subscription, 1, None, None).await;
        begun.err().map(|refusal| (refusal.message, refusal.position))
    };
    let empty = TimeRange { from_ms: 5, to_ms: 5 };
    let (message, _) = refused(ReplaySubscription { range: empty, ..good.clone() }).await.unwrap();
    assert!(message.contains("empty"), "{message}");
    let (message, position) =
        refused(ReplaySubscription { filter: "port = 443 and contry = DE".to_owned(), ..good.clone() })
            .await
            .unwrap();
    assert!(message.contains("country") && position == Some(15), "{message}");
    for speed in [0.0, f64::NAN, 2e6, -0.001] {
        let (message, _) = refused(ReplaySubscription { speed, ..good.clone() }).await.unwrap();
        assert!(message.contains("write 0.01 to 1000000"), "{message}");
    }
    let mut one = kept.begin(&good).await;
    let _other = kept.begin(&good).await;
    let (message, _) = refused(good.clone()).await.unwrap();
    assert!(message.contains("2 replays"), "{message}");
    let again = kept.replays.begin(&good, 9, None, Some(&mut one)).await;
    drop(one);
    assert_eq!(moment(&mut again.unwrap(), 9).await.clock_ms, MONDAY_MS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_flow_records_are_gone_sums_are_played_with_exact_totals_and_it_is_said() {
    let mut rng = Rng::with_seed(55);
    let kept = kept_from(&mut rng, 3_000).await;
    let range = whole();
    let mut replay = kept
        .begin(&ReplaySubscription {
            range,
            speed: 10_000.0,
            arcs_per_second: 200,
            ..ReplaySubscription::default()
        })
        .await;
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

/// The moments after so many requests up to the one that says all, of which none is a refusal.
async fn still(kept: &Kept, subscription: &ReplaySubscription, at_ms: i64) -> Moment {
    let still = ReplaySubscription { at_ms: Some(at_ms), is_paused: true, ..subscription.clone() };
    moment(&mut kept.begin(&still).await, 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_are_played_with_any_filter_that_they_can_total_and_what_they_cannot_tell_is_left_out() {
    let mut rng = Rng::with_seed(56);
    let kept = kept_from(&mut rng, 3_000).await;
    let range = whole();
    let at_ms = range.from_ms + 3_600_000;
    for (filter, has_pairs, has_countries, has_systems, has_services) in [
        ("outside.as = 7000", false, true, true, false),
        ("service = 100", false, true, false, true),
        ("protocol = tcp", false, true, false, true),
        ("interface = 3", false, false, false, false),
        ("exporter = 192.0.2.1", true, true, true, true),
        ("direction = inbound", true, true, true, true),
        ("protocol = tcp and direction = inbound", false, true, false, true),
    ] {
        let subscription = ReplaySubscription {
            range,
            filter: filter.to_owned(),
            speed: 10_000.0,
            by_country: true,
            ..ReplaySubscription::default()
        };
        let still = still(&kept, &subscription, at_ms).await;
        assert_eq!(still.source.tiers, [Tier::Minute], "{filter}");
        let so_far = still.so_far.unwrap();
        let truth = match filter {
            "exporter = 192.0.2.1" => "",
            other => other,
        };
        let passed = TimeRange { from_ms: range.from_ms, to_ms: at_ms };
        assert_eq!(so_far.by_direction, kept.totals(passed, truth), "{filter}");
        let found = (!so_far.countries.is_empty(), !so_far.top_as.is_empty(), !so_far.top_ports.is_empty());
        assert_eq!(found, (has_countries, has_systems, has_services), "{filter}");
        let knows_addresses = filter == "direction = inbound";
        assert_eq!(so_far.all.addresses.is_some(), knows_addresses, "{filter}");
        let frame = still.picture.unwrap().frame;
        assert_lawful(&frame);
        let shown = TimeRange { from_ms: at_ms - 10_000_000, to_ms: at_ms };
        assert_eq!(frame.passed.by_direction, kept.totals(shown, truth), "{filter}");
        assert_eq!(frame.passed.not_drawn == frame.passed.all, !has_pairs, "{filter}");
        let is_told = still.source.note.contains("sums cannot tell");
        assert_eq!(is_told, !knows_addresses, "{filter}: {}", still.source.note);
        // Played to its end, it is not refused either.
        let mut replay = kept.begin(&subscription).await;
        loop {
            match next(&mut replay).await {
                Message::Moment(moment) if moment.is_at_end && moment.so_far.is_some() => break,
                Message::Moment(_) => {}
                Message::Frame(frame) => assert_lawful(&frame),
                other => panic!("{filter}: {other:?}"),
            }
        }
    }
    for filter in ["city = \"Lyon, FR\"", "port = 100", "country = DE"] {
        let filter = filter.to_owned();
        let subscription =
            ReplaySubscription { range, filter, by_country: true, ..ReplaySubscription::default() };
        still(&kept, &subscription, at_ms).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_records_that_are_kept_are_played_where_sums_could_not_tell_all() {
    let mut rng = Rng::with_seed(57);
    let kept = kept(&mut rng).await;
    let tiers = kept.replays.shared.history.tiers().unwrap();
    let tier = |filter: &str, by_country| {
        sums::tier(tiers, whole(), (&filter.parse().unwrap(), by_country), 5e5, u64::MAX)
    };
    assert_eq!(tier("", true), Some((Tier::Hour, Vec::new())));
    assert_eq!(tier("outside.as = 7000", false), None);
    assert_eq!(tier("exporter = 192.0.2.1", true), None);
    assert_eq!(tier("exporter = 192.0.2.1", false), Some((Tier::Hour, Vec::new())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_beyond_the_range_that_was_asked_for_are_told_with_the_range_that_is_played() {
    let mut rng = Rng::with_seed(58);
    let kept = kept_from(&mut rng, 3_000).await;
    let minute = 60_000;
    let range = TimeRange { from_ms: MONDAY_MS + 10 * minute + 500, to_ms: MONDAY_MS + 20 * minute + 30_000 };
    let played = TimeRange { from_ms: MONDAY_MS + 10 * minute, to_ms: MONDAY_MS + 21 * minute };
    let subscription =
        ReplaySubscription { range, is_paused: true, speed: 60.0, ..ReplaySubscription::default() };
    let mut replay = kept.begin(&subscription).await;
    let begins = moment(&mut replay, 1).await;
    assert_eq!((begins.range, begins.source.range, begins.clock_ms), (played, played, played.from_ms));
    assert!(begins.source.note.contains("the range was widened"), "{}", begins.source.note);
    replay.seek(range.to_ms, 2);
    let ends = moment(&mut replay, 2).await;
    assert_eq!((ends.clock_ms, ends.is_at_end), (played.to_ms, true));
    assert_eq!(ends.so_far.unwrap().by_direction, kept.totals(played, ""));
    let whole_minutes = ReplaySubscription { range: played, ..subscription };
    let exact = still(&kept, &whole_minutes, played.to_ms).await;
    assert_eq!(exact.range, played);
    assert!(!exact.source.note.contains("widened"), "{}", exact.source.note);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_what_is_read_hears_every_two_seconds_that_it_is_not_forgotten() {
    let mut rng = Rng::with_seed(59);
    let kept = kept(&mut rng).await;
    let shared = &kept.replays.shared;
    let range = whole();
    let subscription = ReplaySubscription { range, is_paused: true, ..ReplaySubscription::default() };
    let taken = shared.room_for_pictures.acquire_many(LIMITS.thousands_of_pictures()).await.unwrap();
    let at_ms = Some(range.from_ms + LENGTH_MS / 3);
    let mut replay = kept.begin(&ReplaySubscription { at_ms, speed: 600.0, ..subscription.clone() }).await;
    for _ in 0..2 {
        let Message::Moment(waits) = next(&mut replay).await else { panic!("no moment") };
        assert_eq!((waits.answers, waits.picture, waits.so_far), (1, None, None));
    }
    drop(taken);
    assert!(moment(&mut replay, 1).await.picture.is_some());
    drop(replay);
    let taken = shared.room.acquire_many(LIMITS.thousands_of_pieces()).await.unwrap();
    let mut replay =
        kept.begin(&ReplaySubscription { is_paused: false, speed: 3_000.0, ..subscription }).await;
    let mut moments = 0;
    while moments < 3 {
        moments += u32::from(matches!(next(&mut replay).await, Message::Moment(_)));
    }
    drop(taken);
    while !matches!(next(&mut replay).await, Message::Frame(_)) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_looks_through_few_flows_and_becomes_longer_where_a_filter_lets_few_pass() {
    let mut rng = Rng::with_seed(60);
    let limits = Limits { picture_rows: 100, ..LIMITS };
    let kept = kept_with(&mut rng, 0, limits).await;
    let (range, at_ms) = (whole(), MONDAY_MS + LENGTH_MS / 3);
    let hour = 3_600_000;
    let subscription = ReplaySubscription { range, speed: 3_600.0, ..ReplaySubscription::default() };
    let all = still(&kept, &subscription, at_ms).await.picture.unwrap();
    assert!(all.picture_ms < hour && all.frame.passed.all.flows < 200, "{}", all.picture_ms);
    let filter = "outside.as = 7000".to_owned();
    let still = ReplaySubscription { at_ms: Some(at_ms), filter, is_paused: true, ..subscription.clone() };
    let mut replay = kept.begin(&still).await;
    let mut longest_ms = 0;
    while longest_ms < hour {
        match next(&mut replay).await {
            Message::Moment(moment) => {
                let Some(picture) = moment.picture else { continue };
                assert!(picture.picture_ms > longest_ms);
                longest_ms = picture.picture_ms;
                let shown = TimeRange { from_ms: at_ms - longest_ms, to_ms: at_ms };
                assert_eq!(picture.frame.passed.by_direction, kept.totals(shown, "outside.as = 7000"));
            }
            other => panic!("{other:?}"),
        }
    }
    drop(replay);
    // A link says how long it is.
    let (picture_ms, filter) = (Some(120_000), still.filter.clone());
    let given = ReplaySubscription { picture_ms, filter, at_ms: Some(at_ms), ..subscription.clone() };
    let mut replay = kept.begin(&ReplaySubscription { is_paused: true, ..given }).await;
    assert_eq!(moment(&mut replay, 1).await.picture.unwrap().picture_ms, 120_000);
    replay.seek(at_ms + 1, 2);
    assert!(moment(&mut replay, 2).await.picture.unwrap().picture_ms > 120_000);
    drop(replay);
    // What lets many pass does not become longer.
    let filter = "direction != internal".to_owned();
    let many = ReplaySubscription { at_ms: Some(at_ms), filter, is_paused: true, ..subscription };
    let mut replay = kept.begin(&many).await;
    assert_eq!(moment(&mut replay, 1).await.picture.unwrap().picture_ms, all.picture_ms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_is_taken_until_the_replay_has_ended_and_given_back_by_one_that_stands_still() {
    let mut rng = Rng::with_seed(61);
    let limits = Limits { still: Duration::from_millis(100), ..LIMITS };
    let kept = kept_with(&mut rng, 0, limits).await;
    let visitor = Some(IpAddr::from([198, 51, 100, 7]));
    let still = ReplaySubscription { range: whole(), is_paused: true, ..ReplaySubscription::default() };
    let at_ms = MONDAY_MS + 60_000;
    let mut one = kept.replays.begin(&still, 1, visitor, None).await.unwrap();
    let refusal = kept.replays.begin(&still, 1, visitor, None).await.unwrap_err();
    assert!(refusal.message.contains("from your address"), "{}", refusal.message);
    drop(kept.replays.begin(&still, 1, Some(IpAddr::from([198, 51, 100, 8])), None).await.unwrap());
    one.seek(at_ms, 2);
    while timeout(PATIENCE, one.next()).await.expect("it does not end").is_some() {}
    let again = one.subscription();
    assert_eq!(again.at_ms, Some(at_ms));
    timeout(PATIENCE, async {
        while kept.replays.metrics().active() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let begun = async {
        loop {
            if let Ok(begun) = kept.replays.begin(&again, 3, visitor, None).await {
                break begun;
            }
            tokio::task::yield_now().await;
        }
    };
    let mut begun = timeout(PATIENCE, begun).await.expect("the seat is not free");
    assert_eq!(moment(&mut begun, 3).await.clock_ms, at_ms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_that_were_given_up_count_until_they_have_ended() {
    let mut rng = Rng::with_seed(62);
    let kept = kept(&mut rng).await;
    let range = whole();
    let still = ReplaySubscription { range, is_paused: true, speed: 600.0, ..ReplaySubscription::default() };
    let mut replay = kept.begin(&still).await;
    moment(&mut replay, 1).await;
    let seat = Arc::clone(&replay.seat);
    let all = timeout(PATIENCE, seat.readings.acquire_many(4)).await.unwrap().unwrap();
    replay.seek(range.from_ms + LENGTH_MS / 2, 2);
    let Message::Moment(waits) = next(&mut replay).await else { panic!("no moment") };
    assert_eq!((waits.answers, waits.picture), (2, None));
    // Also one that is begun in its place waits for them.
    let mut after = kept.replays.begin(&still, 3, None, Some(&mut replay)).await.unwrap();
    let at_ms = range.from_ms + LENGTH_MS / 4;
    after.seek(at_ms, 4);
    let Message::Moment(waits) = next(&mut after).await else { panic!("no moment") };
    assert_eq!((waits.answers, waits.picture), (4, None));
    drop(all);
    seat.freed.notify_one();
    assert_eq!(moment(&mut after, 4).await.clock_ms, at_ms);
}
