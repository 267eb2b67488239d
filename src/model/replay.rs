//! What crosses `/api/v1/stream` for a replay: the past on the clock of the one who watches.
//!
//! In JSON a client says `{"replay": {"range": {"from_ms": …, "to_ms": …}, "speed": 600.0}}`, then
//! `{"seek": {"at_ms": …}}`, `{"speed": {"speed": -60.0}}`, `"pause"` and `"resume"`. The server answers each of them with a
//! [`Moment`], and sends frames while it plays. What had passed at a moment is a function of the moment, the range and the
//! filter alone: it is the same forwards, backwards, after a seek and at any speed. A still picture is one of these and of how
//! long the stretch is that it shows. While the server reads, it says a moment without picture and figures every two seconds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::frame::{DEFAULT_ARCS_PER_SECOND, Frame, TopAs, TopCountry, TopPort};
use super::history::{Amount, CountryAmount, Source};
use super::time_range::TimeRange;
use super::traffic::Traffic;

/// The fastest that a replay plays: recorded seconds in a second.
pub const MAX_SPEED: f64 = 1_000_000.0;
/// The slowest.
pub const MIN_SPEED: f64 = 0.01;

/// Asks for a stretch of the past. In JSON a field left out has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplaySubscription {
    /// Which stretch, by the time flows were received.
    pub range: TimeRange,
    /// Text in the filter language; empty for all flows.
    pub filter: String,
    /// Arcs per second of the one who watches, 0 to [`MAX_ARCS_PER_SECOND`](super::frame::MAX_ARCS_PER_SECOND).
    pub arcs_per_second: u32,
    /// Recorded seconds in a second, [`MIN_SPEED`] to [`MAX_SPEED`]; negative to play backwards.
    pub speed: f64,
    /// Where to begin, milliseconds since 1970; `None` for the beginning of the range, or its end when it plays
    /// backwards.
    pub at_ms: Option<i64>,
    /// True to begin standing still.
    pub is_paused: bool,
    /// How long the stretch is that the first still picture shows, milliseconds, at most a second at this speed; so a picture
    /// that was seen is seen again. `None` for what the server finds right.
    pub picture_ms: Option<i64>,
    /// Whether moments say what passed by country, with distinct addresses.
    pub by_country: bool,
}

impl Default for ReplaySubscription {
    fn default() -> Self {
        Self {
            range: TimeRange { from_ms: 0, to_ms: 0 },
            filter: String::new(),
            arcs_per_second: DEFAULT_ARCS_PER_SECOND,
            speed: 1.0,
            at_ms: None,
            is_paused: false,
            picture_ms: None,
            by_country: false,
        }
    }
}

/// Where a replay stands. Flows of [`range.from_ms`, `clock_ms`) have passed: none at the beginning, all at the end.
///
/// One is sent after every request, at the end of the range, and about four times a second while it plays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// How many requests of this stream the server has read: what was sent before the answer to the latest one is old.
    pub answers: u64,
    /// The recorded moment, milliseconds since 1970.
    pub clock_ms: i64,
    /// What is played: what was asked for, widened to whole buckets of sums at ends of which flow records are gone. Then the
    /// ends of what was asked for mean those of what is played.
    pub range: TimeRange,
    /// The speed that was asked for.
    pub speed: f64,
    /// The speed that was reached in the last second; less than asked for when the history cannot be read as fast. 0 while
    /// it stands still.
    pub pace: f64,
    /// False when paused, or at the end.
    pub is_playing: bool,
    /// True when there is nothing more in the direction of play.
    pub is_at_end: bool,
    /// What a still picture shows: arcs and totals of the flows received in the last `picture_ms` before the clock, which is
    /// a second at this speed, less where more than some hundred thousand flows passed in it, but at least a second; and the
    /// newest flows before the clock. Where a filter lets few flows pass, another one of a longer stretch may follow. `None`
    /// while it plays: then the frames are the picture; and while it is read: then another moment follows.
    pub picture: Option<Box<Picture>>,
    /// What has passed; `None` while it is counted after a seek: then another moment follows.
    pub so_far: Option<Box<SoFar>>,
    /// What it is made of. Sums in place of flow records when these are kept no more, or when so many pass in a second that
    /// they could not be read one by one: then moments are exact at whole buckets. Of some filters sums know no arcs or not
    /// all lists: these are empty then, and its note says which.
    pub source: Source,
}

/// The last stretch before a moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// How long the stretch is, milliseconds.
    pub picture_ms: i64,
    /// Its flows. `clock_ms` is the moment; `flows` are the newest before it, which may be older than the stretch.
    pub frame: Frame,
}

/// What has passed from the beginning of the range up to a moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SoFar {
    /// All flows that match the filter, and their distinct outside addresses where these were asked for.
    pub all: Amount,
    /// The same by direction, in the order of [`Direction::ALL`](super::traffic::Direction::ALL).
    pub by_direction: [Traffic; 4],
    /// Outside countries by scaled bytes, most first, at most [`TOP_ENTRIES`](super::frame::TOP_ENTRIES).
    pub top_countries: Vec<TopCountry>,
    /// Outside autonomous systems by scaled bytes, most first.
    pub top_as: Vec<TopAs>,
    /// Service ports by scaled bytes, most first.
    pub top_ports: Vec<TopPort>,
    /// Every country with traffic, most bytes first; empty unless it was asked for.
    pub countries: Vec<CountryAmount>,
}
