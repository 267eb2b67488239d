//! Questions about the past and their answers: heatmaps, series, top lists, flow lists, events.
//!
//! A question names a range, a filter and what it wants; an answer says what it was made of ([`Source`]) and
//! whether its distinct counts are exact ([`Distinct`]). All of it is part of the stable API.

mod dimension;
mod dimension_names;
mod events;
mod flow;
mod heatmap;
mod progress;
mod series;
mod source;
mod status;
mod top;

pub use dimension::Dimension;
pub use events::{Event, EventKind, Events, EventsQuestion};
pub use flow::{FlowPage, FlowsQuestion, StoredEnd, StoredFlow};
pub use heatmap::{CountryAmount, Heatmap, HeatmapQuestion, PlaceAmount, Sides};
pub use progress::Progress;
pub use series::{AddressesOverTime, Line, LinesOf, Series, SeriesQuestion};
pub use source::{Amount, Distinct, Key, Metric, Source, Tier};
pub use status::{Forecast, HistoryStatus, TierStatus};
pub use top::{Top, TopQuestion, TopRow};
