//! Questions about the past, answered.
//!
//! A question is checked against the bounds that its type states, becomes requests to the tiers, and what they find
//! becomes an answer with names. Whoever drops a future of these stops the work on it.

use std::sync::Arc;
use std::time::Instant;

use super::address_set::AddressSet;
use super::download::Downloads;
use super::error::QuestionError;
use super::groups::{Group, Groups, Value};
use super::naming::{self, CityPlaces, Naming};
use super::opening::Kept;
use super::planner::Tiers;
use super::questions::Questions;
use super::remembered::Remembered;
use super::request::{Most, Request};
use crate::model::filter::{End, Field, Filter};
use crate::model::history::{
    Amount, CountryAmount, Dimension, FlowPage, FlowsQuestion, Heatmap, HeatmapQuestion, Metric, PlaceAmount,
    Progress, Sides, Top, TopQuestion, TopRow,
};
use crate::model::time_range::TimeRange;
use crate::server::geolocation::{Current, Geolocation};

/// The last moment that a question may name: the end of the year 9999.
const LAST_MS: i64 = 253_402_300_799_999;
/// The most places of a heatmap.
const MOST_PLACES: u32 = 5_000;
/// The past.
#[derive(Debug)]
pub struct History {
    kept: Arc<Kept>,
    pub(super) geolocation: Arc<Current>,
    questions: Questions,
    city_places: Arc<CityPlaces>,
    pub(super) downloads: Downloads,
    pub(super) remembered: Remembered,
    pub(super) suggestions: super::suggestions::Seen,
}

impl History {
    /// The past as it is kept, with the names of the geolocation in use.
    pub fn new(kept: Arc<Kept>, geolocation: Arc<Current>) -> Self {
        Self {
            kept,
            geolocation,
            questions: Questions::default(),
            city_places: Arc::default(),
            downloads: Downloads::default(),
            remembered: Remembered::default(),
            suggestions: super::suggestions::Seen::default(),
        }
    }

    /// What is kept, or why nothing is.
    pub(in crate::server) fn tiers(&self) -> Result<&Tiers, QuestionError> {
        self.kept.tiers()
    }

    /// The questions that are being answered.
    pub(in crate::server) const fn questions(&self) -> &Questions {
        &self.questions
    }

    /// Where the cities of a geolocation are; takes a while when it is new, on a thread that may block.
    pub(in crate::server) fn city_coordinates(
        &self,
        geolocation: &Arc<Geolocation>,
    ) -> Arc<naming::Coordinates> {
        self.city_places.of(geolocation)
    }

    /// How far the answer is to the question that its asker calls `id`.
    pub fn progress(&self, id: u64) -> Progress {
        self.questions.progress(id)
    }

    /// Traffic by country.
    pub async fn heatmap(&self, question: &HeatmapQuestion, id: u64) -> Result<Heatmap, QuestionError> {
        self.remembered("heatmap", question, question.range, self.find_heatmap(question, id)).await
    }

    async fn find_heatmap(&self, question: &HeatmapQuestion, id: u64) -> Result<Heatmap, QuestionError> {
        let began = Instant::now();
        let range = usable(question.range)?;
        at_most("places", question.places, 0, MOST_PLACES)?;
        let filter = question.filter.parse::<Filter>()?.and(of_sides(question.sides));
        let turn = self.questions.begin(id).await?;
        let by = |field| Request {
            range,
            filter: filter.clone(),
            dimensions: vec![Dimension::Field(field)],
            step_ms: None,
            addresses: question.addresses,
            most: None,
        };
        let found = self.tiers()?.group(&by(Field::Country(End::Outside)), &turn.control).await?;
        let mut made_of = found.made_of;
        let total = total(&found.groups);
        let mut countries: Vec<CountryAmount> = found
            .groups
            .groups
            .into_iter()
            .filter_map(|group| match group.values.as_slice() {
                [Value::Country(country)] => {
                    Some(CountryAmount { country: *country, amount: amount(&group) })
                }
                _ => None,
            })
            .collect();
        countries.sort_by_key(|row| (std::cmp::Reverse(row.amount.of(Metric::Bytes)), row.country));
        let mut places = Vec::new();
        if question.places > 0 {
            let most = Most { metric: Metric::Bytes, groups: count_of(question.places) };
            let request = Request { most: Some(most), ..by(Field::City(End::Outside)) };
            let found = self.tiers()?.group(&request, &turn.control).await?;
            made_of.join(found.made_of);
            places = self.places(ranked(found.groups.groups, most)).await?;
        }
        Ok(Heatmap { countries, places, total, source: self.tiers()?.source(range, made_of, began) })
    }

    async fn places(&self, groups: Vec<Group>) -> Result<Vec<PlaceAmount>, QuestionError> {
        let geolocation = self.geolocation.load();
        let city_places = Arc::clone(&self.city_places);
        let coordinates = tokio::task::spawn_blocking(move || city_places.of(&geolocation))
            .await
            .map_err(|error| QuestionError::Failed(error.into()))?;
        let places = groups.into_iter().filter_map(|group| match group.values.as_slice() {
            [Value::City(city, country)] => Some(PlaceAmount {
                place: naming::place(city, *country, &coordinates),
                amount: amount(&group),
            }),
            _ => None,
        });
        Ok(places.collect())
    }

    /// The groups with most.
    pub async fn top(&self, question: &TopQuestion, id: u64, naming: &Naming) -> Result<Top, QuestionError> {
        let find = self.find_top(question, id, naming);
        if naming.is_passing(&question.dimensions) {
            return find.await;
        }
        self.remembered("top", question, question.range, find).await
    }

    async fn find_top(&self, question: &TopQuestion, id: u64, naming: &Naming) -> Result<Top, QuestionError> {
        let began = Instant::now();
        let range = usable(question.range)?;
        at_most("rows", question.rows, 1, TopQuestion::MOST_ROWS)?;
        usable_dimensions(&question.dimensions, 1)?;
        let filter: Filter = question.filter.parse()?;
        let turn = self.questions.begin(id).await?;
        let most = Most { metric: question.metric, groups: count_of(question.rows) };
        let request = Request {
            range,
            filter,
            dimensions: question.dimensions.clone(),
            step_ms: None,
            addresses: question.addresses || question.metric == Metric::Addresses,
            most: Some(most),
        };
        let found = self.tiers()?.group(&request, &turn.control).await?;
        let (total, groups) = (total(&found.groups), found.groups.count);
        let rows = ranked(found.groups.groups, most).into_iter().map(|group| TopRow {
            keys: naming.keys(&question.dimensions, &group.values),
            amount: amount(&group),
        });
        Ok(Top {
            rows: rows.collect(),
            groups: (!found.groups.is_partial).then_some(groups),
            total,
            source: self.tiers()?.source(range, found.made_of, began),
        })
    }

    /// A page of flow records, newest first.
    pub async fn flows(
        &self,
        question: &FlowsQuestion,
        id: u64,
        naming: &Naming,
    ) -> Result<FlowPage, QuestionError> {
        let began = Instant::now();
        let range = usable(question.range)?;
        at_most("rows", question.rows, 1, FlowsQuestion::MOST_ROWS)?;
        let filter: Filter = question.filter.parse()?;
        let turn = self.questions.begin(id).await?;
        let rows = count_of(question.rows);
        let found = self.tiers()?.flows(range, &filter, rows, &question.after, &turn.control).await?;
        let (systems, hosts) = naming.of_flows(&found.flows);
        Ok(FlowPage {
            flows: found.flows,
            systems,
            hosts,
            next: found.next,
            source: self.tiers()?.source(range, found.made_of, began),
        })
    }
}

/// The flows that count for a heatmap: those with an outside end.
fn of_sides(sides: Sides) -> Filter {
    let way = match sides {
        Sides::Inbound => "direction = inbound",
        Sides::Outbound => "direction = outbound",
        Sides::Both => "direction != internal",
    };
    // These three are filters.
    way.parse().unwrap_or_default()
}

/// The groups with most, most first; of equals the smaller key first.
pub(in crate::server) fn ranked(mut groups: Vec<Group>, most: Most) -> Vec<Group> {
    let mut ranked: Vec<(u64, Group)> =
        groups.drain(..).map(|group| (amount(&group).of(most.metric), group)).collect();
    ranked.sort_by(|(figure, group), (other_figure, other)| {
        other_figure.cmp(figure).then_with(|| group.values.cmp(&other.values))
    });
    ranked.into_iter().take(most.groups).map(|(_, group)| group).collect()
}

pub(in crate::server) fn amount(group: &Group) -> Amount {
    Amount { traffic: group.traffic, addresses: group.addresses.as_ref().map(AddressSet::count) }
}

/// The total of a request without steps.
fn total(groups: &Groups) -> Amount {
    groups.totals.first().map(amount).unwrap_or_default()
}

/// A range that means something.
pub(in crate::server) fn usable(range: TimeRange) -> Result<TimeRange, QuestionError> {
    let invalid = |text: &str| Err(QuestionError::Invalid(text.to_owned()));
    if range.from_ms >= range.to_ms {
        return invalid("The range is empty: its end has to be after its beginning.");
    }
    if range.from_ms < 0 || range.to_ms > LAST_MS {
        return invalid("The range goes beyond the years 1970 to 9999: name moments within them.");
    }
    Ok(range)
}

pub(super) fn usable_dimensions(dimensions: &[Dimension], least: usize) -> Result<(), QuestionError> {
    let most = TopQuestion::MOST_DIMENSIONS;
    if dimensions.len() < least || dimensions.len() > most {
        return Err(QuestionError::Invalid(format!(
            "There are {} dimensions to group by: name {least} to {most}, such as outside.country.",
            dimensions.len()
        )));
    }
    let is_twice = |(position, dimension): (usize, &Dimension)| {
        dimensions.iter().take(position).any(|other| other == dimension)
    };
    match dimensions.iter().enumerate().find(|(position, dimension)| is_twice((*position, dimension))) {
        Some((_, dimension)) => {
            Err(QuestionError::Invalid(format!("{dimension} is named twice: name each dimension once.")))
        }
        None => Ok(()),
    }
}

pub(super) fn at_most(what: &str, asked: u32, least: u32, most: u32) -> Result<(), QuestionError> {
    if (least..=most).contains(&asked) {
        return Ok(());
    }
    Err(QuestionError::Invalid(format!("`{what}` is {asked}: write {least} to {most}.")))
}

pub(super) fn count_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
