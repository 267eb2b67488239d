//! Traffic by country.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::source::{Amount, Source};
use crate::model::place::{CountryCode, Place};
use crate::model::time_range::TimeRange;

/// Which flows of the outside count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sides {
    /// From outside to a home network.
    Inbound,
    /// From a home network to the outside.
    Outbound,
    /// Both, and transit.
    #[default]
    Both,
}

/// Asks for the traffic of every country.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeatmapQuestion {
    /// When.
    pub range: TimeRange,
    /// Which flows, in the filter language; empty for all.
    pub filter: String,
    /// Which way they go.
    pub sides: Sides,
    /// Whether distinct addresses are wanted.
    pub addresses: bool,
    /// How many cities are wanted; 0 for none.
    pub places: u32,
}

/// What a country had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CountryAmount {
    /// The country; `None` for addresses that no database knows.
    pub country: Option<CountryCode>,
    /// What was exchanged with it.
    pub amount: Amount,
}

/// What a place had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlaceAmount {
    /// The place: a city, or a country where no more is known.
    pub place: Place,
    /// What was exchanged with it.
    pub amount: Amount,
}

/// Traffic by the country of the outside end. Internal flows have none; a transit flow counts for both of its
/// countries, once when they are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Heatmap {
    /// Every country with traffic, most bytes first.
    pub countries: Vec<CountryAmount>,
    /// The places with most bytes, as many as were asked for.
    pub places: Vec<PlaceAmount>,
    /// All of it, each flow once.
    pub total: Amount,
    /// What it was made of.
    pub source: Source,
}
