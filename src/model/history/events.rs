//! What is worth a look in a stretch of the past.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::source::{Key, Source};
use crate::model::time_range::TimeRange;
use crate::model::traffic::Traffic;

/// Asks what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsQuestion {
    /// When.
    pub range: TimeRange,
    /// Which flows, in the filter language; empty for all.
    pub filter: String,
}

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Nothing was collected.
    Gap,
    /// Far more flows, or bytes, than in the time around.
    Burst,
    /// A country of an outside end that the whole history had not seen before.
    NewCountry,
    /// An autonomous system of an outside end that the whole history had not seen before.
    NewAs,
}

impl EventKind {
    /// Every kind, in the order of lists.
    pub const ALL: [Self; 4] = [Self::Gap, Self::Burst, Self::NewCountry, Self::NewAs];

    /// What it is called.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gap => "Gap",
            Self::Burst => "Burst",
            Self::NewCountry => "New country",
            Self::NewAs => "New AS",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// What kind it is.
    pub kind: EventKind,
    /// When: the stretch of a gap or a burst; the bucket of time in which something was seen first.
    pub range: TimeRange,
    /// The country or the autonomous system that is new.
    pub key: Option<Key>,
    /// For people: what happened, without the time.
    pub text: String,
    /// What passes a filter that shows it: `outside.country = "FR"`; empty when nothing more than its time says.
    pub filter: String,
    /// The traffic of a burst; of a new country or autonomous system what it had in the range of the question.
    pub traffic: Traffic,
}

/// What happened in a range.
///
/// A *burst* is a stretch of steps with at least three times the flows, or the bytes, of the middle (median) and of the mean
/// of the 24 steps on each side, and above their median by at least six times their spread (median of the distances from the
/// median, times 1.4826). Steps in which nothing was collected are not counted; less than 20 flows are no burst. The
/// 20 that stand out most are named.
///
/// *New* is what the history did not have before, however far it reaches back, except in its first hour, when
/// everything would be new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// The events by their beginning, at most [`Events::MOST`].
    pub events: Vec<Event>,
    /// Events that had no room; of gaps the shortest are left out, of new autonomous systems those with least traffic. Gaps
    /// shorter than a step and than a minute are no events.
    pub left_out: u64,
    /// Length of the steps in which bursts were looked for, milliseconds.
    pub step_ms: i64,
    /// What it was made of.
    pub source: Source,
}

impl Events {
    /// The most events of an answer.
    pub const MOST: usize = 300;
}
