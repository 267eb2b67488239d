use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws;
use tokio::sync::watch;

use super::Limits;
use super::drawing::KnownPlaces;
use super::frames::{Encoding, Ground};
use super::hub::Hub;
use super::metrics::Metrics;
use super::view::{Feed, Taken, View, ViewKey};
use crate::model::flow_record::{ExporterId, FlowRecord, LocatedFlow, Location};
use crate::model::frame::{
    Frame, Message, NEWEST_FLOWS, Refusal, Request, Second, SnapshotReason, Subscription, TopAs, TopCountry,
    TopPort, Totals,
};
use crate::model::place::CountryCode;
use crate::model::traffic::{Direction, Traffic};
use crate::server::collector::batch::FlowBatch;
use crate::server::geolocation::{Geolocation, HomeNetworkSetting, Settings};

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn flow(&mut self) -> LocatedFlow {
        let small = |number: u64| u32::try_from(number).unwrap();
        let direction = Direction::ALL[usize::try_from(self.below(4)).unwrap()];
        let mut end = || Location { place: small(self.below(40)), as_number: small(self.below(9)) };
        let (source, destination) = (end(), end());
        let record = FlowRecord {
            protocol: if self.below(3) == 0 { 17 } else { 6 },
            source_port: 40_000,
            destination_port: if self.below(2) == 0 { 443 } else { 53 },
            bytes: self.below(100_000),
            packets: self.below(100),
            sampling_interval: small([0, 1, 100][usize::try_from(self.below(3)).unwrap()]),
            ..FlowRecord::default()
        };
        LocatedFlow { record, source, destination, direction }
    }

    fn batch(&mut self, geolocation: &Arc<Geolocation>, received_us: i64) -> FlowBatch {
        let flows: Vec<_> = (0..=self.below(120)).map(|_| self.flow()).collect();
        FlowBatch {
            oldest_received_us: received_us - 5,
            newest_received_us: received_us,
            geolocation: Arc::clone(geolocation),
            exporters: Arc::from([IpAddr::from([192, 0, 2, 1])]),
            flows: flows.into(),
        }
    }
}

/// Places 1 to 34 can be drawn; those above, and 0, are unknown.
fn geolocation() -> Arc<Geolocation> {
    let network = |number: u8| HomeNetworkSetting {
        name: format!("Site {number}"),
        networks: vec![format!("10.{number}.0.0/16").parse().unwrap()],
        latitude: Some(f32::from(number)),
        longitude: Some(-f32::from(number)),
        place: None,
    };
    let home_networks = (1..35).map(network).collect();
    Arc::new(Geolocation::without_databases(&Settings { home_networks, ..Settings::default() }))
}

/// A view with a hub's part around it.
struct Counted {
    view: View,
    ground: Ground,
    places: KnownPlaces,
    metrics: Metrics,
    numbers: Numbers,
    start: Instant,
    rounds: u64,
    truth: Traffic,
    /// Of a client that only holds the view.
    watching: Option<watch::Receiver<u64>>,
}

impl Counted {
    fn new(filter: &str, arcs_per_second: u32) -> Self {
        let start = Instant::now();
        let view = View::new(ViewKey { filter: filter.parse().unwrap(), arcs_per_second }, 0, start);
        Self {
            watching: Some(view.head.subscribe()),
            view,
            ground: Ground { generation: 1, geolocation: geolocation() },
            places: KnownPlaces::default(),
            metrics: Metrics::default(),
            numbers: Numbers(7),
            start,
            rounds: 0,
            truth: Traffic::NONE,
        }
    }

    /// Counts one batch and publishes it, ten milliseconds after the last.
    fn round(&mut self) {
        self.rounds += 1;
        let now = self.start + Duration::from_millis(10 * self.rounds);
        let received_us = i64::try_from(self.rounds).unwrap() * 10_000;
        let batch = self.numbers.batch(&self.ground.geolocation, received_us);
        for flow in &batch.flows {
            if self.view.key.filter.is_all() || flow.record.destination_port == 443 {
                self.truth += Traffic::of(&flow.record);
            }
        }
        self.places.begin(self.ground.generation);
        self.view.append(&[Arc::new(batch)], &self.ground, &mut self.places, now);
        self.view.publish();
    }

    fn totals(&self) -> Totals {
        self.view.snapshot(SnapshotReason::Subscribed, 0).totals
    }
}

/// A client that adds up what it gets.
struct Client {
    position: u64,
    totals: Totals,
    skipped: u32,
    arcs: usize,
}

impl Client {
    fn subscribed(view: &View) -> Self {
        let snapshot = view.snapshot(SnapshotReason::Subscribed, 0);
        Self { position: snapshot.sequence, totals: snapshot.totals, skipped: 0, arcs: 0 }
    }

    fn read(&mut self, view: &View) {
        let head = *view.head.borrow();
        if head <= self.position {
            return;
        }
        match view.take(self.position, head, Encoding::Postcard) {
            Taken::Frame(prepared) => {
                let frame = frame_of(&prepared.message);
                assert_lawful(&frame);
                assert_eq!(frame.sequence, head);
                self.arcs += frame.arcs.len();
                self.totals += frame.passed;
                self.position = head;
            }
            Taken::Forgotten => {
                let snapshot = view.snapshot(SnapshotReason::Skipped, 0);
                self.totals = snapshot.totals;
                self.position = snapshot.sequence;
                self.skipped += 1;
            }
            Taken::Failed => panic!("a frame could not be encoded"),
        }
    }
}

fn frame_of(message: &ws::Message) -> Frame {
    let ws::Message::Binary(bytes) = message else { panic!("not binary") };
    match postcard::from_bytes(bytes).unwrap() {
        Message::Frame(frame) => frame,
        other => panic!("{other:?}"),
    }
}

fn assert_lawful(frame: &Frame) {
    let arcs = frame.arcs.iter().fold(Traffic::NONE, |sum, arc| sum + arc.traffic);
    let passed = frame.passed;
    assert_eq!(arcs + passed.not_drawn + passed.unlocated, passed.all);
    let by_direction = passed.by_direction.iter().fold(Traffic::NONE, |sum, part| sum + *part);
    assert_eq!(by_direction, passed.all);
    let places = frame.places.len();
    for arc in &frame.arcs {
        assert!((arc.from as usize) < places && (arc.to as usize) < places);
    }
    let mut pairs: Vec<_> = frame.arcs.iter().map(|arc| (arc.from, arc.to, arc.direction)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), frame.arcs.len(), "a pair of places has two arcs");
    assert!(frame.flows.len() <= NEWEST_FLOWS);
}

#[test]
fn snapshot_and_frames_add_up_to_the_truth_however_seldom_a_client_reads() {
    for arcs_per_second in [0, 20, 300, 5_000] {
        let mut counted = Counted::new("", arcs_per_second);
        counted.round();
        let mut clients: Vec<Client> = (0..4).map(|_| Client::subscribed(&counted.view)).collect();
        for round in 0..400 {
            counted.round();
            for (client, every) in clients.iter_mut().zip([1, 2, 7, 90]) {
                if round % every == 0 {
                    client.read(&counted.view);
                }
            }
        }
        for mut client in clients {
            client.read(&counted.view);
            assert_eq!(client.totals, counted.totals());
            assert_eq!(client.totals.all, counted.truth);
        }
    }
}

#[test]
fn a_client_out_of_reach_is_skipped_to_a_snapshot_with_exact_totals() {
    let mut counted = Counted::new("", 5_000);
    let mut slow = Client::subscribed(&counted.view);
    for _ in 0..2_100 {
        counted.round();
    }
    slow.read(&counted.view);
    assert_eq!(slow.skipped, 1);
    counted.round();
    slow.read(&counted.view);
    assert_eq!((slow.skipped, slow.totals), (1, counted.totals()));
    assert_eq!(slow.totals.all, counted.truth);
}

#[test]
fn no_frame_has_more_arcs_than_four_seconds_of_the_budget() {
    let mut counted = Counted::new("", 10);
    let mut client = Client::subscribed(&counted.view);
    for _ in 0..300 {
        counted.round();
    }
    client.read(&counted.view);
    assert!(client.skipped == 1 || client.arcs <= 40);
}

#[test]
fn no_more_arcs_are_drawn_than_the_budget_of_the_time_that_passed() {
    let mut counted = Counted::new("", 100);
    let mut client = Client::subscribed(&counted.view);
    for _ in 0..500 {
        counted.round();
        client.read(&counted.view);
    }
    assert!((590..=600).contains(&client.arcs), "{} arcs in five seconds and one of reserve", client.arcs);
    assert!(counted.totals().not_drawn.flows > 0);
}

#[test]
fn a_view_without_clients_counts_the_same_and_keeps_to_the_budget() {
    let (mut watched, mut unwatched) = (Counted::new("", 100), Counted::new("", 100));
    unwatched.watching = None;
    let mut client = Client::subscribed(&unwatched.view);
    for _ in 0..500 {
        watched.round();
        unwatched.round();
        client.read(&unwatched.view);
    }
    let without = |totals: Totals| Totals { not_drawn: Traffic::NONE, ..totals };
    assert_eq!(without(watched.totals()), without(unwatched.totals()));
    assert!((500..=600).contains(&client.arcs), "{} arcs", client.arcs);
    let tops = |counted: &Counted| {
        counted.view.end_second(Feed::default(), &counted.metrics);
        let second = counted.view.beat.borrow().second.clone();
        (second.top_countries, second.top_as, second.top_ports)
    };
    assert_eq!(tops(&watched), tops(&unwatched));
}

#[test]
fn a_filtered_view_counts_what_matches_and_nothing_else() {
    let mut counted = Counted::new("dst.port = 443", 300);
    let mut client = Client::subscribed(&counted.view);
    for _ in 0..50 {
        counted.round();
        client.read(&counted.view);
    }
    assert!(counted.truth.flows > 0);
    assert_eq!(client.totals.all, counted.truth);
}

#[test]
fn amounts_beyond_all_measure_break_neither_the_law_nor_the_tops() {
    let mut counted = Counted::new("", 5);
    let mut client = Client::subscribed(&counted.view);
    for _ in 0..30 {
        let mut batch = counted.numbers.batch(&counted.ground.geolocation, 1);
        let mut flows = batch.flows.to_vec();
        for flow in &mut flows {
            (flow.record.bytes, flow.record.packets) = (u64::MAX, u64::MAX);
        }
        batch.flows = flows.into();
        counted.places.begin(1);
        counted.view.append(&[Arc::new(batch)], &counted.ground, &mut counted.places, counted.start);
        counted.view.publish();
        counted.view.end_second(Feed::default(), &counted.metrics);
        client.read(&counted.view);
    }
    assert_eq!(client.totals, counted.totals());
    assert_eq!(client.totals.all.bytes, u64::MAX);
    for _ in 0..60 {
        counted.view.end_second(Feed::default(), &counted.metrics);
    }
    let second = counted.view.snapshot(SnapshotReason::Subscribed, 0).second;
    assert!(second.top_countries.is_empty() && second.top_as.is_empty() && second.top_ports.is_empty());
}

#[test]
fn places_of_two_geolocations_are_never_one_arc() {
    let mut counted = Counted::new("", 5_000);
    let mut client = Client::subscribed(&counted.view);
    counted.round();
    counted.ground = Ground { generation: 2, geolocation: geolocation() };
    counted.round();
    let head = *counted.view.head.borrow();
    let Taken::Frame(both) = counted.view.take(client.position, head, Encoding::Postcard) else {
        panic!("no frame")
    };
    let arcs = frame_of(&both.message).arcs.len();
    let mut apart = 0;
    for position in 0..2 {
        let Taken::Frame(one) = counted.view.take(position, position + 1, Encoding::Postcard) else {
            panic!("no frame")
        };
        apart += frame_of(&one.message).arcs.len();
    }
    assert_eq!(arcs, apart);
    client.read(&counted.view);
    assert_eq!(client.totals, counted.totals());
}

#[test]
fn a_second_says_what_passed_in_it_and_who_moved_most() {
    let mut counted = Counted::new("", 300);
    counted.round();
    counted.view.end_second(Feed { clock_ms: 1_000, ..Feed::default() }, &counted.metrics);
    let first = counted.totals().all;
    counted.round();
    counted.view.end_second(
        Feed { clock_ms: 2_000, latency_us: Some((100, 900)), ..Feed::default() },
        &counted.metrics,
    );
    let snapshot = counted.view.snapshot(SnapshotReason::Subscribed, 2_000);
    assert_eq!(snapshot.series, [first, snapshot.totals.all - first]);
    let second = &snapshot.second;
    assert_eq!((second.traffic, second.tops_seconds), (snapshot.totals.all - first, 2));
    assert_eq!((second.latency_p50_us, second.latency_p99_us), (Some(100), Some(900)));
    assert!(second.top_countries.is_sorted_by(|left, right| left.traffic.bytes >= right.traffic.bytes));
    assert!(second.top_ports.iter().all(|top| matches!(top.port, 443 | 53)));
    let internal = snapshot.totals.by_direction[Direction::Internal.index()];
    let ports = second.top_ports.iter().fold(0, |sum, top| sum + top.traffic.flows);
    assert_eq!(ports, snapshot.totals.all.flows);
    assert!(internal.flows > 0, "internal flows count for ports");
    assert_eq!(snapshot.flows.len(), NEWEST_FLOWS.min(usize::try_from(ports).unwrap()));
}

fn subscription(filter: &str) -> Subscription {
    Subscription { filter: filter.to_owned(), ..Subscription::default() }
}

#[test]
fn two_spellings_of_a_filter_share_one_view() {
    let hub = Hub::new(Limits::default(), 0);
    let seat = hub.seat(None).unwrap();
    let one = seat.subscribe(&subscription("dst.port in (443,80)"), None).unwrap();
    let other = seat.subscribe(&subscription("DST.port IN (80, 443) -- web"), None).unwrap();
    assert!(Arc::ptr_eq(&one.view, &other.view));
    assert_eq!(hub.metrics().views(), 2);
}

#[test]
fn one_filter_too_many_is_refused_until_somebody_leaves_one() {
    let hub = Hub::new(Limits { views: 3, ..Limits::default() }, 0);
    let seat = hub.seat(None).unwrap();
    let first = seat.subscribe(&subscription("port = 1"), None).unwrap();
    let _second = seat.subscribe(&subscription("port = 2"), None).unwrap();
    let refusal = seat.subscribe(&subscription("port = 3"), None).unwrap_err();
    assert!(refusal.message.contains("3 different filters"), "{}", refusal.message);
    seat.subscribe(&subscription(""), None).unwrap();
    drop(first);
    seat.subscribe(&subscription("port = 3"), None).unwrap();
}

#[test]
fn whoever_watches_a_filter_alone_may_change_it_when_all_views_are_in_use() {
    let hub = Hub::new(Limits { views: 3, ..Limits::default() }, 0);
    let seat = hub.seat(None).unwrap();
    let alone = seat.subscribe(&subscription("port = 1"), None).unwrap();
    let shared = seat.subscribe(&subscription("port = 2"), None).unwrap();
    let also = seat.subscribe(&subscription("port = 2"), None).unwrap();
    let all = seat.subscribe(&subscription(""), None).unwrap();
    for held in [&shared, &also, &all] {
        seat.subscribe(&subscription("port = 4"), Some(held)).unwrap_err();
    }
    seat.subscribe(&subscription("prt = 4"), Some(&alone)).unwrap_err();
    let again = seat.subscribe(&subscription("port = 1"), None).unwrap();
    assert!(Arc::ptr_eq(&again.view, &alone.view), "a refusal leaves the old view");
    drop(again);

    let changed = seat.subscribe(&subscription("port = 3"), Some(&alone)).unwrap();
    drop(alone);
    assert_eq!(hub.metrics().views(), 3);
    let joined = seat.subscribe(&subscription("port = 3"), None).unwrap();
    assert!(Arc::ptr_eq(&joined.view, &changed.view));
    seat.subscribe(&subscription("port = 4"), None).unwrap_err();
}

#[test]
fn one_visitor_cannot_take_every_view_however_many_sockets_it_opens() {
    let hub = Hub::new(Limits { views: 9, views_per_visitor: 2, ..Limits::default() }, 0);
    let seat = |peer: &str| hub.seat(Some(peer.parse().unwrap())).unwrap();
    let greedy = ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::"].map(seat);
    let first = greedy[0].subscribe(&subscription("port = 1"), None).unwrap();
    let second = greedy[1].subscribe(&subscription("port = 2"), None).unwrap();
    let refusal = greedy[2].subscribe(&subscription("port = 3"), None).unwrap_err();
    assert!(refusal.message.contains("from your address"), "{}", refusal.message);
    greedy[2].subscribe(&subscription("port = 2"), None).unwrap();
    greedy[2].subscribe(&subscription(""), None).unwrap();

    let other = seat("2001:db8:0:1::1");
    let others = other.subscribe(&subscription("port = 3"), None).unwrap();
    greedy[2].subscribe(&subscription("port = 3"), None).unwrap_err();
    let changed = greedy[0].subscribe(&subscription("port = 3"), Some(&first)).unwrap();
    drop(first);
    assert!(Arc::ptr_eq(&others.view, &changed.view));
    drop((second, changed));
    greedy[2].subscribe(&subscription("port = 4"), None).unwrap();
}

#[test]
fn one_address_is_one_visitor_but_this_host_and_the_unknown_are_many() {
    let hub = Hub::new(Limits { views_per_visitor: 1, ..Limits::default() }, 0);
    let takes_two = |peer: Option<&str>| {
        let seat = hub.seat(peer.map(|peer| peer.parse().unwrap())).unwrap();
        let _first = seat.subscribe(&subscription("port = 1"), None).unwrap();
        seat.subscribe(&subscription("port = 2"), None).is_ok()
    };
    assert!(takes_two(None) && takes_two(Some("127.0.0.1")) && takes_two(Some("::ffff:127.0.0.1")));
    assert!(!takes_two(Some("192.0.2.1")) && !takes_two(Some("::ffff:192.0.2.1")));
}

#[test]
fn a_wrong_filter_and_a_budget_too_large_are_refused_with_what_to_write() {
    let hub = Hub::new(Limits::default(), 0);
    let seat = hub.seat(None).unwrap();
    let refusal = seat.subscribe(&subscription("port = 443 or prt = 80"), None).unwrap_err();
    assert_eq!(refusal.position, Some(14));
    assert!(refusal.message.contains("write port"));
    let greedy = Subscription { arcs_per_second: 5_001, ..Subscription::default() };
    assert!(seat.subscribe(&greedy, None).unwrap_err().message.contains("0 to 5000"));
}

#[test]
fn the_seats_are_counted_and_given_back() {
    let hub = Hub::new(Limits { clients: 2, ..Limits::default() }, 0);
    let (first, _second) = (hub.seat(None).unwrap(), hub.seat(None).unwrap());
    assert!(hub.seat(None).is_none());
    drop(first);
    assert!(hub.seat(None).is_some());
    assert_eq!(hub.metrics().clients(), 1);
}

fn every_message() -> Vec<Message> {
    let mut counted = Counted::new("", 300);
    counted.round();
    let Taken::Frame(prepared) = counted.view.take(0, 1, Encoding::Postcard) else { panic!("no frame") };
    counted.view.end_second(Feed::default(), &counted.metrics);
    let snapshot = counted.view.snapshot(SnapshotReason::Resumed, 5);
    let traffic = Traffic { flows: 1, bytes: u64::MAX, packets: 3, ..Traffic::NONE };
    let second = Second {
        top_countries: vec![
            TopCountry { country: None, traffic },
            TopCountry { country: CountryCode::parse("DE"), traffic },
        ],
        top_as: vec![TopAs { as_number: 1, name: "é".to_owned(), traffic }],
        top_ports: vec![TopPort { port: 443, protocol: 6, traffic }],
        last_received_ms: Some(-1),
        ..snapshot.second.clone()
    };
    vec![
        Message::Frame(frame_of(&prepared.message)),
        Message::Snapshot(Box::new(snapshot)),
        Message::Snapshot(Box::default()),
        Message::Second(Box::new(second)),
        Message::Refusal(Refusal { message: "write port".to_owned(), position: Some(4) }),
    ]
}

#[test]
fn every_message_and_request_survives_both_encodings() {
    for message in every_message() {
        let bytes = postcard::to_allocvec(&message).unwrap();
        assert_eq!(postcard::from_bytes::<Message>(&bytes).unwrap(), message);
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
    }
    for request in [Request::Subscribe(subscription("port = 1")), Request::Pause, Request::Resume] {
        let bytes = postcard::to_allocvec(&request).unwrap();
        assert_eq!(postcard::from_bytes::<Request>(&bytes).unwrap(), request);
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
    }
}

#[test]
fn a_json_request_may_leave_out_what_has_a_default_but_not_misspell_it() {
    let request: Request = serde_json::from_str(r#"{"subscribe": {"filter": "port = 443"}}"#).unwrap();
    assert_eq!(request, Request::Subscribe(subscription("port = 443")));
    assert!(serde_json::from_str::<Request>(r#"{"subscribe": {"filer": "port = 443"}}"#).is_err());
    assert_eq!(serde_json::from_str::<Request>(r#""pause""#).unwrap(), Request::Pause);
}

#[test]
fn the_example_in_the_docs_of_the_message_is_a_message() {
    let docs = include_str!("../../model/frame.rs");
    let example = docs.split_once("```json").unwrap().1.split_once("```").unwrap().0.replace("///", "");
    let Message::Frame(frame) = serde_json::from_str(&example).unwrap() else { panic!("no frame") };
    assert_lawful(&frame);
    assert_eq!(frame.places[1].city, "home");
}

#[test]
fn exporters_are_found_by_their_address() {
    let mut counted = Counted::new("exporter = 192.0.2.0/24 and exporter != 192.0.2.2", 300);
    let mut batch = counted.numbers.batch(&counted.ground.geolocation, 1);
    let known = u64::try_from(batch.flows.len()).unwrap();
    let mut stranger = batch.flows[0];
    stranger.record.exporter = ExporterId(9);
    batch.flows = batch.flows.iter().copied().chain([stranger]).collect::<Vec<_>>().into();
    counted.places.begin(1);
    counted.view.append(&[Arc::new(batch)], &counted.ground, &mut counted.places, counted.start);
    assert_eq!(counted.totals().all.flows, known);
}

#[test]
fn a_filter_by_city_finds_the_home_network_of_that_name_and_no_unknown_place() {
    let geolocation = geolocation();
    for place in [0, 1, 34, 35, u32::MAX] {
        assert_eq!(geolocation.city_of(place), geolocation.place(place).city);
    }
    let mut counted = Counted::new("city = \"site 3\"", 300);
    let batch = counted.numbers.batch(&counted.ground.geolocation, 1);
    let at_site = |flow: &&LocatedFlow| flow.source.place == 3 || flow.destination.place == 3;
    let expected = u64::try_from(batch.flows.iter().filter(at_site).count()).unwrap();
    assert!(expected > 0);
    counted.places.begin(1);
    counted.view.append(&[Arc::new(batch)], &counted.ground, &mut counted.places, counted.start);
    assert_eq!(counted.totals().all.flows, expected);
}

#[test]
fn one_record_beyond_all_measure_spoils_its_own_second_and_no_other() {
    let mut counted = Counted::new("", 300);
    let mut forged = counted.numbers.flow();
    forged.direction = Direction::Inbound;
    forged.record = FlowRecord { bytes: u64::MAX, packets: u64::MAX, ..forged.record };
    let mut honest = forged;
    honest.record = FlowRecord { bytes: 1_000, packets: 2, ..forged.record };
    let honest_traffic = Traffic::of(&honest.record);
    for flow in [vec![honest], vec![forged, forged]].into_iter().chain((0..70).map(|_| vec![honest])) {
        let batch = FlowBatch { flows: flow.into(), ..counted.numbers.batch(&counted.ground.geolocation, 1) };
        counted.places.begin(1);
        let Counted { view, ground, places, metrics, start, .. } = &mut counted;
        view.append(&[Arc::new(batch)], ground, places, *start);
        view.end_second(Feed::default(), metrics);
    }
    let snapshot = counted.view.snapshot(SnapshotReason::Subscribed, 0);
    assert_eq!(snapshot.totals.all.bytes, u64::MAX);
    assert_eq!(snapshot.second.traffic, honest_traffic);
    assert!(snapshot.series.iter().all(|second| *second == honest_traffic));
    let seconds = u64::from(snapshot.second.tops_seconds);
    let [country] = snapshot.second.top_countries[..] else { panic!("not one country") };
    let expected = (0..seconds).fold(Traffic::NONE, |sum, _| sum + honest_traffic);
    assert_eq!(country.traffic, expected);
}
