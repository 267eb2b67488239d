//! What a report asks the tiers.

use crate::model::filter::{Field, Filter};
use crate::model::history::{Amount, Dimension, Distinct};
use crate::model::time_range::TimeRange;
use crate::model::traffic::{Direction, Traffic};
use crate::server::history::answers::amount;
use crate::server::history::control::Control;
use crate::server::history::error::QuestionError;
use crate::server::history::groups::Value;
use crate::server::history::naming::Naming;
use crate::server::history::planner::{Found, MadeOf, Tiers};
use crate::server::history::request::Request;
use crate::server::reports::calendar::Calendar;

/// Asks for one report.
pub(super) struct Asking<'a> {
    pub tiers: &'a Tiers,
    pub control: &'a Control,
    pub naming: &'a Naming,
    pub calendar: &'a Calendar,
    pub filter: Filter,
    pub range: TimeRange,
    pub range_before: TimeRange,
    pub now_ms: i64,
}

/// All of a range, and by direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole {
    pub total: Amount,
    /// In the order of [`Direction::ALL`].
    pub ways: [Amount; 4],
    pub made_of: MadeOf,
}

/// What is known of the period before.
#[derive(Clone, Debug)]
pub(super) enum Before {
    /// This, maybe with stretches in which nothing was collected.
    Known(Box<Whole>),
    /// Nothing was collected in all of it.
    NotCollected,
    /// Part of it, or all, is not kept any more.
    NotKept,
}

impl Before {
    pub const fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }

    pub fn whole(&self) -> Option<&Whole> {
        match self {
            Self::Known(whole) => Some(whole),
            Self::NotCollected | Self::NotKept => None,
        }
    }
}

impl Asking<'_> {
    /// A request by some dimensions, in one step.
    pub fn request(&self, range: TimeRange, dimensions: &[Dimension]) -> Request {
        Request {
            range,
            filter: self.filter.clone(),
            dimensions: dimensions.to_vec(),
            step_ms: None,
            addresses: false,
            most: None,
        }
    }

    /// Asks. Distinct addresses are left out where they are not kept any more and the traffic is.
    pub async fn group(&self, request: &Request) -> Result<Found, QuestionError> {
        if !request.addresses {
            return self.tiers.group(request, self.control).await;
        }
        let without = Request { addresses: false, ..request.clone() };
        if !self.tiers.plans(request) && self.tiers.has_expired(request.range) {
            return self.tiers.group(&without, self.control).await;
        }
        let found = self.tiers.group(request, self.control).await?;
        if found.made_of.lost.is_empty() {
            return Ok(found);
        }
        self.tiers.group(&without, self.control).await
    }

    /// What a range had in all, and by direction, with distinct addresses where these are known.
    pub async fn whole(&self, range: TimeRange) -> Result<Whole, QuestionError> {
        let by_direction = [Dimension::Field(Field::Direction)];
        let request = Request { addresses: true, ..self.request(range, &by_direction) };
        let found = self.group(&request).await?;
        let knows_addresses = found.groups.totals.is_empty()
            || found.groups.totals.iter().any(|total| total.addresses.is_some());
        let nothing =
            Amount { traffic: Traffic::NONE, addresses: knows_addresses.then(|| Distinct::exact(0)) };
        let mut ways = Direction::ALL.map(|way| match way {
            // It has no outside end.
            Direction::Internal => Amount::default(),
            _ => nothing,
        });
        for group in &found.groups.groups {
            if let [Value::Direction(direction)] = group.values.as_slice()
                && let Some(way) = ways.get_mut(direction.index())
            {
                let addresses = amount(group).addresses.filter(|_| *direction != Direction::Internal);
                *way = Amount { traffic: group.traffic, addresses };
            }
        }
        let total = found.groups.totals.first().map_or(nothing, amount);
        Ok(Whole { total, ways, made_of: found.made_of })
    }

    /// What the period before had, if that is known.
    pub async fn before(&self) -> Result<Before, QuestionError> {
        let whole = self.whole(self.range_before).await?;
        if !whole.made_of.lost.is_empty() {
            return Ok(Before::NotKept);
        }
        if whole.total.traffic.is_none() && self.collected_ms(self.range_before) == 0 {
            return Ok(Before::NotCollected);
        }
        Ok(Before::Known(Box::new(whole)))
    }

    /// How much of a range was collected, milliseconds; what is to come was not.
    pub fn collected_ms(&self, range: TimeRange) -> i64 {
        let gaps: i64 = self.gaps(range).iter().map(|gap| gap.length_ms()).sum();
        self.past(range).map_or(0, |past| past.length_ms().saturating_sub(gaps).max(0))
    }

    /// Stretches of a range in which nothing was collected.
    pub fn gaps(&self, range: TimeRange) -> Vec<TimeRange> {
        let Some(past) = self.past(range) else { return Vec::new() };
        self.tiers.gaps(past)
    }

    /// What of a range is over.
    pub fn past(&self, range: TimeRange) -> Option<TimeRange> {
        TimeRange::new(range.from_ms, range.to_ms.min(self.now_ms))
    }
}

/// How much of a range some gaps take, milliseconds.
pub(super) fn missing_ms(range: TimeRange, gaps: &[TimeRange]) -> i64 {
    gaps.iter().filter_map(|gap| gap.intersection(range)).map(TimeRange::length_ms).sum()
}
