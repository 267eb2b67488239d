//! Questions as they stand in an address.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::fault::Fault;
use crate::model::history::{
    Dimension, FlowsQuestion, HeatmapQuestion, Metric, SeriesQuestion, Sides, TopQuestion,
};
use crate::model::time_range::TimeRange;
use crate::model::time_words::{Now, TimeWords};

/// The parameters of an address; a wrong one is answered with a sentence.
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Fault> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(parameters)| Self(parameters))
            .map_err(|error| Fault::invalid(error.body_text()))
    }
}

/// What an answer is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// All of the answer.
    #[default]
    Json,
    /// Its rows as comma-separated values with a line of names (RFC 4180).
    Csv,
}

/// When, for which flows, written how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct HeatmapQuery {
    /// Beginning: RFC 3339 (`2026-11-23T14:00:00Z`), or words such as `-6h` or `today`. Without it, an hour before now.
    pub from: Option<String>,
    /// End, likewise; the range is up to it. Without it, now, or the end of the stretch that `from` names.
    pub to: Option<String>,
    /// Which flows, in the filter language. Without it, all.
    pub filter: String,
    /// `inbound`, `outbound` or `both` (with transit).
    #[param(value_type = Option<String>)]
    pub sides: Sides,
    /// Whether distinct addresses are wanted.
    pub addresses: bool,
    /// How many cities are wanted, at most 5,000.
    pub places: u32,
    /// `json` or `csv` (one row for each country).
    #[param(value_type = Option<String>)]
    pub format: Format,
}

/// The parameters of a series.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesQuery {
    /// Beginning: RFC 3339 (`2026-11-23T14:00:00Z`), or words such as `-6h` or `today`. Without it, an hour before now.
    pub from: Option<String>,
    /// End, likewise; the range is up to it. Without it, now, or the end of the stretch that `from` names.
    pub to: Option<String>,
    /// Which flows, in the filter language. Without it, all.
    pub filter: String,
    /// What lines there are: up to four dimensions, separated by commas, such as `protocol` or `outside.country,service`.
    /// Without it, one line of everything.
    pub by: String,
    /// What lines are chosen by: `bytes` (scaled by sampling), `packets` or `flows`.
    #[param(value_type = Option<String>)]
    pub metric: Metric,
    /// How many lines, at most 50.
    pub lines: u32,
    /// How many points at most, up to 2,000: the step is the next round one.
    pub points: u32,
    /// `json` or `csv` (one row for each line and step).
    #[param(value_type = Option<String>)]
    pub format: Format,
}

impl Default for SeriesQuery {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
            filter: String::new(),
            by: String::new(),
            metric: Metric::default(),
            lines: 10,
            points: 300,
            format: Format::default(),
        }
    }
}

/// The parameters of a top list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct TopQuery {
    /// Beginning: RFC 3339 (`2026-11-23T14:00:00Z`), or words such as `-6h` or `today`. Without it, an hour before now.
    pub from: Option<String>,
    /// End, likewise; the range is up to it. Without it, now, or the end of the stretch that `from` names.
    pub to: Option<String>,
    /// Which flows, in the filter language. Without it, all.
    pub filter: String,
    /// What flows are grouped by: one to four dimensions, separated by commas, such as `outside.as`.
    pub by: String,
    /// What groups are ranked by: `bytes` (scaled by sampling), `packets`, `flows` or `addresses`.
    #[param(value_type = Option<String>)]
    pub metric: Metric,
    /// How many, at most 1,000.
    pub rows: u32,
    /// Whether distinct addresses are wanted.
    pub addresses: bool,
    /// `json` or `csv`.
    #[param(value_type = Option<String>)]
    pub format: Format,
}

impl Default for TopQuery {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
            filter: String::new(),
            by: String::new(),
            metric: Metric::default(),
            rows: 20,
            addresses: false,
            format: Format::default(),
        }
    }
}

/// The parameters of a list of flow records.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct FlowsQuery {
    /// Beginning: RFC 3339 (`2026-11-23T14:00:00Z`), or words such as `-6h` or `today`. Without it, an hour before now.
    pub from: Option<String>,
    /// End, likewise; the range is up to it. Without it, now, or the end of the stretch that `from` names.
    pub to: Option<String>,
    /// Which flows, in the filter language. Without it, all.
    pub filter: String,
    /// How many, at most 10,000.
    pub rows: u32,
    /// `next` of the page before: goes on after it. In CSV it is in the header `meridian-next`.
    pub after: String,
    /// `json` or `csv`.
    #[param(value_type = Option<String>)]
    pub format: Format,
}

impl Default for FlowsQuery {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
            filter: String::new(),
            rows: 100,
            after: String::new(),
            format: Format::default(),
        }
    }
}

/// The range of `from` and `to` at a moment, milliseconds since 1970.
pub fn range(from: Option<&str>, to: Option<&str>, now_ms: i64) -> Result<TimeRange, Fault> {
    let now = Now { ms: now_ms, offset_minutes: 0 };
    let words = TimeWords::read(from, to, now).map_err(Fault::invalid)?;
    words.unwrap_or_else(|| TimeWords::last_minutes(60)).resolve(now).map_err(Fault::invalid)
}

fn dimensions(by: &str) -> Result<Vec<Dimension>, Fault> {
    let names = by.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| Dimension::parse(name).map_err(Fault::invalid)).collect()
}

impl HeatmapQuery {
    pub(super) fn question(&self, now_ms: i64) -> Result<HeatmapQuestion, Fault> {
        Ok(HeatmapQuestion {
            range: range(self.from.as_deref(), self.to.as_deref(), now_ms)?,
            filter: self.filter.clone(),
            sides: self.sides,
            addresses: self.addresses,
            places: self.places,
        })
    }
}

impl SeriesQuery {
    pub(super) fn question(&self, now_ms: i64) -> Result<SeriesQuestion, Fault> {
        Ok(SeriesQuestion {
            range: range(self.from.as_deref(), self.to.as_deref(), now_ms)?,
            filter: self.filter.clone(),
            dimensions: dimensions(&self.by)?,
            metric: self.metric,
            lines: self.lines,
            points: self.points,
        })
    }
}

impl TopQuery {
    pub(super) fn question(&self, now_ms: i64) -> Result<TopQuestion, Fault> {
        Ok(TopQuestion {
            range: range(self.from.as_deref(), self.to.as_deref(), now_ms)?,
            filter: self.filter.clone(),
            dimensions: dimensions(&self.by)?,
            metric: self.metric,
            rows: self.rows,
            addresses: self.addresses,
        })
    }
}

impl FlowsQuery {
    pub(super) fn question(&self, now_ms: i64) -> Result<FlowsQuestion, Fault> {
        Ok(FlowsQuestion {
            range: range(self.from.as_deref(), self.to.as_deref(), now_ms)?,
            filter: self.filter.clone(),
            rows: self.rows,
            after: self.after.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: DeserializeOwned>(query: &str) -> Result<T, Fault> {
        let uri = format!("/?{query}").parse().unwrap();
        Query::try_from_uri(&uri).map(|Query(it)| it).map_err(|error| Fault::invalid(error.body_text()))
    }

    #[test]
    fn an_address_is_read_as_a_question() {
        const NOON_MS: i64 = 1_700_000_000_000;
        let query: TopQuery = read("from=-6h&to=now&by=outside.as,service&rows=3&metric=flows").unwrap();
        let question = query.question(NOON_MS).unwrap();
        assert_eq!(question.range, TimeRange { from_ms: NOON_MS - 6 * 3_600_000, to_ms: NOON_MS });
        assert_eq!((question.rows, question.metric, question.dimensions.len()), (3, Metric::Flows, 2));
        let query: HeatmapQuery =
            read("from=2023-11-14T00:00:00Z&to=2023-11-14T01:00:00Z&sides=inbound").unwrap();
        let question = query.question(NOON_MS).unwrap();
        assert_eq!((question.range.length_ms(), question.sides), (3_600_000, Sides::Inbound));
        let query: FlowsQuery = read("").unwrap();
        assert_eq!(query.question(NOON_MS).unwrap().range.length_ms(), 3_600_000);
    }

    #[test]
    fn what_is_wrong_in_an_address_is_answered_with_what_to_write() {
        assert!(read::<TopQuery>("row=3").unwrap_err().message.contains("rows"));
        assert!(read::<TopQuery>("metric=byte").unwrap_err().message.contains("bytes"));
        let query: SeriesQuery = read("by=country").unwrap();
        assert!(query.question(0).unwrap_err().message.contains("outside.country"));
    }
}
