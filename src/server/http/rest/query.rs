//! Questions as they stand in an address.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::fault::Fault;
use crate::model::history::{
    Dimension, FlowsQuestion, HeatmapQuestion, LinesOf, Metric, SeriesQuestion, Sides, TopQuestion,
};
use crate::model::time_range::TimeRange;
use crate::model::time_words::{Now, TimeWords};
use crate::server::history::download::FileFormat;

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

/// When, and for which flows: what every question has beside its own parameters.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct Flows {
    /// Beginning: RFC 3339 (`2026-11-23T14:00:00Z`), or words such as `-6h` or `today`. Without it, an hour before now.
    pub from: Option<String>,
    /// End, likewise; the range is up to it. Without it, now, or the end of the stretch that `from` names.
    pub to: Option<String>,
    /// Which flows, in the filter language. Without it, all.
    pub filter: String,
}

impl Flows {
    const NAMES: [&str; 3] = ["from", "to", "filter"];

    /// The range at a moment, milliseconds since 1970.
    pub(super) fn range(&self, now_ms: i64) -> Result<TimeRange, Fault> {
        let now = Now { ms: now_ms, offset_minutes: 0 };
        let words = TimeWords::read(self.from.as_deref(), self.to.as_deref(), now).map_err(Fault::invalid)?;
        words.unwrap_or_else(|| TimeWords::last_minutes(60)).resolve(now).map_err(Fault::invalid)
    }
}

/// The parameters of a question about the past.
pub struct Asked<T> {
    /// When, and for which flows.
    pub flows: Flows,
    /// Its own.
    pub own: T,
}

impl<T: DeserializeOwned> Asked<T> {
    fn read(query: &str) -> Result<Self, Fault> {
        let is_common = |part: &&str| {
            let name = part.split_once('=').map_or(*part, |(name, _)| name);
            Flows::NAMES.contains(&name)
        };
        let (common, own): (Vec<&str>, Vec<&str>) =
            query.split('&').filter(|part| !part.is_empty()).partition(is_common);
        Ok(Self { flows: parse(&common.join("&"))?, own: parse(&own.join("&"))? })
    }
}

/// No parameters of its own.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nothing {}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Fault> {
    let uri = format!("/?{query}").parse().map_err(|_| Fault::invalid("the address cannot be read"))?;
    Query::try_from_uri(&uri).map(|Query(it)| it).map_err(|error| Fault::invalid(error.body_text()))
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Fault> {
        Self::read(parts.uri.query().unwrap_or_default())
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

/// The parameters of a heatmap.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct HeatmapQuery {
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
    /// What lines there are: up to four dimensions, separated by commas, such as `protocol` or `outside.country,service`.
    /// Without it, one line of everything.
    pub by: String,
    /// What lines are chosen by: `bytes` (scaled by sampling), `packets`, `flows` or `addresses`, which also counts the
    /// distinct addresses of each step.
    #[param(value_type = Option<String>)]
    pub metric: Metric,
    /// How many lines, at most 50.
    pub lines: u32,
    /// How many points at most, up to 2,000: the step is the next round one.
    pub points: u32,
    /// Which flows choose the lines, in the filter language, so that several series have the same lines. Without it,
    /// those that are counted.
    pub lines_filter: Option<String>,
    /// `json` or `csv` (one row for each line and step).
    #[param(value_type = Option<String>)]
    pub format: Format,
}

impl Default for SeriesQuery {
    fn default() -> Self {
        Self {
            by: String::new(),
            metric: Metric::default(),
            lines: 10,
            points: 300,
            lines_filter: None,
            format: Format::default(),
        }
    }
}

/// The parameters of a top list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct TopQuery {
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
            by: String::new(),
            metric: Metric::default(),
            rows: 20,
            addresses: false,
            format: Format::default(),
        }
    }
}

/// What flow records are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FlowsFormat {
    /// A page of them, newest first.
    #[default]
    Json,
    /// Comma-separated values with a line of names (RFC 4180): all of them, oldest first; with `rows` or `after`, a page.
    Csv,
    /// All of them, oldest first, with the columns of the archive.
    Parquet,
}

/// The parameters of a list of flow records.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct FlowsQuery {
    /// How many: of a page at most 10,000; of JSON, and after another page, 100 if not said. Of a Parquet file any number,
    /// and all if not said. CSV without `rows` is all of them.
    pub rows: Option<u32>,
    /// `next` of the page before: goes on after it. In CSV it is in the header `meridian-next`. Parquet has no pages.
    pub after: String,
    /// `json`: a page, newest first. `csv`: without `rows` and `after` one file of all, oldest first; with them a page.
    /// `parquet`: one file, oldest first, with the columns of the archive. The header `meridian-is-complete` of a file is
    /// `false` when flow records of the range have expired; one that cannot be written to its end breaks off.
    #[param(value_type = Option<String>)]
    pub format: FlowsFormat,
}

impl FlowsQuery {
    const DEFAULT_ROWS: u32 = 100;

    /// The file that is asked for; `None` for a page.
    pub(super) fn file(&self) -> Option<FileFormat> {
        match self.format {
            FlowsFormat::Json => None,
            FlowsFormat::Csv => (self.rows.is_none() && self.after.is_empty()).then_some(FileFormat::Csv),
            FlowsFormat::Parquet => Some(FileFormat::Parquet),
        }
    }
}

fn dimensions(by: &str) -> Result<Vec<Dimension>, Fault> {
    let names = by.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| Dimension::parse(name).map_err(Fault::invalid)).collect()
}

impl Asked<HeatmapQuery> {
    pub(super) fn question(&self, now_ms: i64) -> Result<HeatmapQuestion, Fault> {
        Ok(HeatmapQuestion {
            range: self.flows.range(now_ms)?,
            filter: self.flows.filter.clone(),
            sides: self.own.sides,
            addresses: self.own.addresses,
            places: self.own.places,
        })
    }
}

impl Asked<SeriesQuery> {
    pub(super) fn question(&self, now_ms: i64) -> Result<SeriesQuestion, Fault> {
        let range = self.flows.range(now_ms)?;
        Ok(SeriesQuestion {
            range,
            filter: self.flows.filter.clone(),
            dimensions: dimensions(&self.own.by)?,
            metric: self.own.metric,
            lines: self.own.lines,
            points: self.own.points,
            lines_of: self.own.lines_filter.clone().map(|filter| LinesOf { range, filter }),
        })
    }
}

impl Asked<TopQuery> {
    pub(super) fn question(&self, now_ms: i64) -> Result<TopQuestion, Fault> {
        Ok(TopQuestion {
            range: self.flows.range(now_ms)?,
            filter: self.flows.filter.clone(),
            dimensions: dimensions(&self.own.by)?,
            metric: self.own.metric,
            rows: self.own.rows,
            addresses: self.own.addresses,
        })
    }
}

impl Asked<FlowsQuery> {
    pub(super) fn question(&self, now_ms: i64) -> Result<FlowsQuestion, Fault> {
        Ok(FlowsQuestion {
            range: self.flows.range(now_ms)?,
            filter: self.flows.filter.clone(),
            rows: self.own.rows.unwrap_or(FlowsQuery::DEFAULT_ROWS),
            after: self.own.after.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: DeserializeOwned>(query: &str) -> Result<Asked<T>, Fault> {
        Asked::read(query)
    }

    #[test]
    fn an_address_is_read_as_a_question() {
        const NOON_MS: i64 = 1_700_000_000_000;
        let query = read::<TopQuery>("from=-6h&to=now&by=outside.as,service&rows=3&metric=flows").unwrap();
        let question = query.question(NOON_MS).unwrap();
        assert_eq!(question.range, TimeRange { from_ms: NOON_MS - 6 * 3_600_000, to_ms: NOON_MS });
        assert_eq!((question.rows, question.metric, question.dimensions.len()), (3, Metric::Flows, 2));
        let query =
            read::<HeatmapQuery>("from=2023-11-14T00:00:00Z&to=2023-11-14T01:00:00Z&sides=inbound").unwrap();
        let question = query.question(NOON_MS).unwrap();
        assert_eq!((question.range.length_ms(), question.sides), (3_600_000, Sides::Inbound));
        let query = read::<TopQuery>("filter=port+%3D+443%26&&by=service").unwrap();
        assert_eq!((query.flows.filter.as_str(), query.own.by.as_str()), ("port = 443&", "service"));
        let query = read::<FlowsQuery>("").unwrap();
        assert_eq!(query.question(NOON_MS).unwrap().range.length_ms(), 3_600_000);
    }

    #[test]
    fn what_is_wrong_in_an_address_is_answered_with_what_to_write() {
        assert!(read::<TopQuery>("row=3").err().unwrap().message.contains("rows"));
        assert!(read::<TopQuery>("metric=byte").err().unwrap().message.contains("bytes"));
        let query = read::<SeriesQuery>("by=country").unwrap();
        assert!(query.question(0).unwrap_err().message.contains("outside.country"));
    }
}
