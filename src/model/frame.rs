//! What crosses `/api/v1/stream`: requests of the client, messages of the server.
//!
//! Both directions are one serde type each: postcard in binary messages for Meridian's own page
//! (subprotocol `meridian.postcard.v1`), JSON in text messages for everybody else (`meridian.json.v1`,
//! or no subprotocol). [`replay`](super::replay) says more of replays. Totals are exact; what is merged or left out is said with numbers: in every frame
//! the flows of `arcs`, of `passed.not_drawn` and of `passed.unlocated` add up to those of `passed.all`.
//!
//! In JSON a client says `{"subscribe": {"filter": "port = 443", "arcs_per_second": 100}}`, `"pause"` or
//! `"resume"`; without a word it gets everything. The server says `{"snapshot": {…}}`, `{"frame": {…}}`,
//! `{"second": {…}}` or `{"refusal": {"message": "…", "position": 4}}`.

use std::net::IpAddr;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::flow_record::ExporterId;
use super::place::{CountryCode, Place};
use super::replay::{Moment, ReplaySubscription};
use super::traffic::{Direction, Traffic};

/// Subprotocol of the binary form.
pub const POSTCARD_SUBPROTOCOL: &str = "meridian.postcard.v1";
/// Subprotocol of the JSON form.
pub const JSON_SUBPROTOCOL: &str = "meridian.json.v1";
/// Arcs per second that a client gets unless it asks for another number.
pub const DEFAULT_ARCS_PER_SECOND: u32 = 300;
/// The most arcs per second a client may ask for.
pub const MAX_ARCS_PER_SECOND: u32 = 5_000;
/// Seconds of the series in a snapshot.
pub const SERIES_SECONDS: usize = 60;
/// Newest flows in a snapshot, and the most in a frame.
pub const NEWEST_FLOWS: usize = 50;
/// Entries in each list of top countries, autonomous systems and ports.
pub const TOP_ENTRIES: usize = 10;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Starts the stream, or replaces its filter and budget. Answered by a snapshot or a refusal.
    Subscribe(Subscription),
    /// Holds the frames back, also those of a later subscription; `second` messages go on.
    Pause,
    /// Goes on with one frame (or, after long, a snapshot) that makes up for the pause.
    Resume,
    /// Starts a replay, or replaces the one there is. Answered by a moment or a refusal.
    Replay(ReplaySubscription),
    /// Goes to another moment of the replay, and plays on from there unless it is paused.
    Seek {
        /// The moment, milliseconds since 1970; the nearest of the range is taken.
        at_ms: i64,
    },
    /// Changes the speed of the replay.
    Speed {
        /// Recorded seconds in a second; negative to play backwards.
        speed: f64,
    },
}

/// Which flows, and how many arcs of them. In JSON a field left out has its default.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// Text in the filter language; empty for all flows.
    pub filter: String,
    /// Arcs per second, 0 to [`MAX_ARCS_PER_SECOND`].
    pub arcs_per_second: u32,
}

impl Default for Subscription {
    fn default() -> Self {
        Self { filter: String::new(), arcs_per_second: DEFAULT_ARCS_PER_SECOND }
    }
}

/// What the server sends. In JSON, a flow of 1,500 bytes from Berlin to a home network, sampled 1 in 100, looks like
/// this:
///
/// ```json
/// {"frame": {
///   "sequence": 8, "clock_ms": 1764000000000, "oldest_received_us": 1764000000000000,
///   "passed": {
///     "all": {"flows": 1, "bytes": 1500, "packets": 3,
///         "scaled_bytes": 150000, "scaled_packets": 300, "unknown_sampling": 0},
///     "by_direction": [
///       {"flows": 1, "bytes": 1500, "packets": 3,
///         "scaled_bytes": 150000, "scaled_packets": 300, "unknown_sampling": 0},
///       {"flows": 0, "bytes": 0, "packets": 0, "scaled_bytes": 0, "scaled_packets": 0, "unknown_sampling": 0},
///       {"flows": 0, "bytes": 0, "packets": 0, "scaled_bytes": 0, "scaled_packets": 0, "unknown_sampling": 0},
///       {"flows": 0, "bytes": 0, "packets": 0, "scaled_bytes": 0, "scaled_packets": 0, "unknown_sampling": 0}
///     ],
///     "unlocated": {"flows": 0, "bytes": 0, "packets": 0, "scaled_bytes": 0, "scaled_packets": 0, "unknown_sampling": 0},
///     "not_drawn": {"flows": 0, "bytes": 0, "packets": 0, "scaled_bytes": 0, "scaled_packets": 0, "unknown_sampling": 0}
///   },
///   "arcs": [{
///     "from": 0, "to": 1, "direction": "inbound", "protocol": 6, "as_number": 3320,
///     "traffic": {"flows": 1, "bytes": 1500, "packets": 3,
///         "scaled_bytes": 150000, "scaled_packets": 300, "unknown_sampling": 0}
///   }],
///   "flows": [],
///   "places": [
///     {"country": "DE", "region": "Berlin", "city": "Berlin",
///      "latitude": 52.52, "longitude": 13.4, "precision": "city"},
///     {"country": null, "region": "", "city": "home",
///      "latitude": -33.31, "longitude": 26.52, "precision": "home"}
///   ],
///   "as_names": [[3320, "Deutsche Telekom AG"]]
/// }}
/// ```
#[expect(
    clippy::large_enum_variant,
    reason = "frames are most of the messages: a box would cost each an allocation"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Where things stand: first answer to a subscription, and after a client was too slow.
    Snapshot(Box<Snapshot>),
    /// What passed since the previous frame or snapshot.
    Frame(Frame),
    /// Once a second: rates, tops and the state of the feed.
    Second(Box<Second>),
    /// The request could not be carried out; the stream goes on as before.
    Refusal(Refusal),
    /// Where a replay stands.
    Moment(Box<Moment>),
}

/// Running totals of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// All flows that match the filter.
    pub all: Traffic,
    /// The same by direction, in the order of [`Direction::ALL`]; they add up to `all`.
    pub by_direction: [Traffic; 4],
    /// Of `all`, what has an end that nothing is known of and that cannot be drawn. A home without a place can: pages
    /// draw it at a neutral marker.
    pub unlocated: Traffic,
    /// Of `all`, what could be drawn and is in no arc, because the budget was used up.
    pub not_drawn: Traffic,
}

impl Totals {
    /// Counts traffic of one direction in `all` and `by_direction`.
    pub fn count(&mut self, direction: Direction, traffic: Traffic) {
        self.all += traffic;
        if let Some(sum) = self.by_direction.get_mut(direction.index()) {
            *sum += traffic;
        }
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.all += other.all;
        for (sum, more) in self.by_direction.iter_mut().zip(other.by_direction) {
            *sum += more;
        }
        self.unlocated += other.unlocated;
        self.not_drawn += other.not_drawn;
    }
}

/// Where a subscription stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// Number of the last frame that this snapshot includes.
    pub sequence: u64,
    /// Server's clock, milliseconds since 1970.
    pub clock_ms: i64,
    /// Since when `totals` count, milliseconds since 1970.
    pub since_ms: i64,
    /// Why this snapshot was sent.
    pub reason: SnapshotReason,
    /// Everything since `since_ms`. Sums stop at the largest number: rates are in `second` and `series`.
    pub totals: Totals,
    /// Traffic per second of the last minute, oldest first, at most [`SERIES_SECONDS`].
    pub series: Vec<Traffic>,
    /// Newest flows, newest first, at most [`NEWEST_FLOWS`]. Their places are in `places`.
    pub flows: Vec<FlowRow>,
    /// Places that `flows` index.
    pub places: Vec<Place>,
    /// Names of the autonomous systems in `flows`.
    pub as_names: Vec<(u32, String)>,
    /// The state of the last full second.
    pub second: Second,
}

/// Why a snapshot was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotReason {
    /// The subscription began or changed.
    #[default]
    Subscribed,
    /// The client was too slow: the frames between are left out, the totals are exact.
    Skipped,
    /// The client resumed after so long a pause that its frames are gone; the totals are exact.
    Resumed,
}

/// What passed since the previous frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Number of this frame in its subscription. Numbers rise and may have gaps; nothing is missing in a gap.
    pub sequence: u64,
    /// Receive time of the newest datagram in it, milliseconds since 1970.
    pub clock_ms: i64,
    /// Kernel's receive time of the oldest datagram in it, microseconds since 1970.
    pub oldest_received_us: i64,
    /// What this frame adds to the totals, or takes from them when `is_backward`.
    pub passed: Totals,
    /// True for a frame of a replay that plays backwards: its flows are those between its clock and the clock before.
    #[serde(default)]
    pub is_backward: bool,
    /// Arcs, each for one or more flows.
    pub arcs: Vec<Arc>,
    /// Newest flows of this frame, newest first, at most [`NEWEST_FLOWS`]: a sample, not all.
    pub flows: Vec<FlowRow>,
    /// Places that `arcs` and `flows` index.
    pub places: Vec<Place>,
    /// Names of the autonomous systems in `arcs` and `flows`.
    pub as_names: Vec<(u32, String)>,
}

/// Flows from one place to another, drawn as one arc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arc {
    /// Source: index into the frame's places.
    pub from: u32,
    /// Destination: index into the frame's places.
    pub to: u32,
    /// Direction of all its flows.
    pub direction: Direction,
    /// IP protocol number of the most scaled bytes in it (by majority; without one, any of the largest).
    pub protocol: u8,
    /// AS of the external end of the most scaled bytes in it, likewise (the source's for transit); 0 when unknown.
    pub as_number: u32,
    /// What it stands for.
    pub traffic: Traffic,
}

/// One flow as a row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowRow {
    /// Receive time, milliseconds since 1970.
    pub received_ms: i64,
    /// Source address.
    #[schema(value_type = String)]
    pub source_address: IpAddr,
    /// Source port, 0 when the protocol has none.
    pub source_port: u16,
    /// Source place: index into the places sent with this row.
    pub source_place: u32,
    /// Source AS, 0 when unknown.
    pub source_as: u32,
    /// Destination address.
    #[schema(value_type = String)]
    pub destination_address: IpAddr,
    /// Destination port, 0 when the protocol has none.
    pub destination_port: u16,
    /// Destination place: index into the places sent with this row.
    pub destination_place: u32,
    /// Destination AS, 0 when unknown.
    pub destination_as: u32,
    /// IP protocol number.
    pub protocol: u8,
    /// Which way it goes.
    pub direction: Direction,
    /// Bytes, as exported.
    pub bytes: u64,
    /// Packets, as exported.
    pub packets: u64,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// Who exported it.
    pub exporter: ExporterId,
    /// Sampling interval, 1 in n; 1 when not sampled, 0 when unknown.
    #[serde(default)]
    pub sampling_interval: u32,
}

/// Rates, tops and the state of the feed, once a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Second {
    /// Server's clock, milliseconds since 1970.
    pub clock_ms: i64,
    /// Exact totals of the subscription at this moment, also while paused.
    pub totals: Totals,
    /// Traffic of the second that just ended.
    pub traffic: Traffic,
    /// What the tops below cover, in seconds, about the last minute.
    pub tops_seconds: u32,
    /// External countries by scaled bytes, most first, at most [`TOP_ENTRIES`]. What one of these lists says of an entry is
    /// exact while there are up to 1024 different ones in five seconds, else it may be too little.
    pub top_countries: Vec<TopCountry>,
    /// External autonomous systems by scaled bytes, most first.
    pub top_as: Vec<TopAs>,
    /// Service ports by scaled bytes, most first.
    pub top_ports: Vec<TopPort>,
    /// Receive time of the latest datagram of any exporter, if any came.
    pub last_received_ms: Option<i64>,
    /// Median of the time from datagram to socket over the last minute, microseconds; `None` without frames.
    pub latency_p50_us: Option<u32>,
    /// 99th percentile of the same.
    pub latency_p99_us: Option<u32>,
    /// Times this client was skipped to a snapshot.
    pub times_skipped: u64,
}

/// A country in a list of tops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopCountry {
    /// The country of the external end; `None` is "unknown".
    pub country: Option<CountryCode>,
    /// Its traffic.
    pub traffic: Traffic,
}

/// An autonomous system in a list of tops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopAs {
    /// Its number; 0 is "unknown".
    pub as_number: u32,
    /// Its name, empty when unknown.
    pub name: String,
    /// Its traffic.
    pub traffic: Traffic,
}

/// A service port in a list of tops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopPort {
    /// The lower of a flow's two ports, where both are set.
    pub port: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// Its traffic.
    pub traffic: Traffic,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For people: what is wrong and what to write instead.
    pub message: String,
    /// Where in the filter the fault begins, in characters from 0, if it is in the filter.
    pub position: Option<u32>,
}
