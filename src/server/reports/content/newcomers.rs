//! Countries and autonomous systems that the history had not seen before.

use std::collections::HashMap;

use super::asking::Asking;
use super::lists::Lists;
use crate::model::filter::{End, Field};
use crate::model::history::{Amount, Dimension};
use crate::model::report::Newcomer;
use crate::model::round_lengths::MINUTE;
use crate::model::time_range::TimeRange;
use crate::server::history::error::QuestionError;
use crate::server::history::groups::Value;

/// The most that are told one by one.
const MOST: usize = 50;

/// What was seen for the first time.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    /// Those with most bytes.
    pub rows: Vec<Newcomer>,
    /// How many there are in all.
    pub in_all: u64,
    /// Of these, countries.
    pub countries: u64,
    /// When the history began, milliseconds since 1970, if that was in the period.
    pub begin_ms: Option<i64>,
    /// True when there were too many to be followed.
    pub is_full: bool,
    /// True when they were looked for.
    pub is_wanted: bool,
}

/// What was first seen in the period and passes the filter.
pub(super) async fn find(asking: &Asking<'_>, lists: &Lists, is_wanted: bool) -> Result<News, QuestionError> {
    let seen = asking.tiers.first_seen(asking.range);
    let begin_ms = seen.begin_ms.filter(|begin| asking.range.contains(*begin));
    if !is_wanted {
        return Ok(News { begin_ms, ..News::default() });
    }
    let countries: HashMap<Value, Amount> =
        lists.countries.iter().map(|row| (Value::Country(row.country), row.amount)).collect();
    // One that is not among the groups has passed all the same where sums left it out.
    let all_pass = asking.filter.is_all() && lists.is_partial;
    let mut rows: Vec<(Newcomer, TimeRange)> = Vec::new();
    let mut news = News { begin_ms, is_full: seen.is_full, is_wanted, ..News::default() };
    for (value, range) in seen.seen {
        let is_country = matches!(value, Value::Country(_));
        let (kind, field, amounts) = if is_country {
            ("Country", Field::Country(End::Outside), &countries)
        } else {
            ("AS", Field::AsNumber(End::Outside), &lists.systems)
        };
        let known = amounts.get(&value).copied().or_else(|| all_pass.then(Amount::default));
        let Some(amount) = known else { continue };
        news.in_all += 1;
        news.countries += u64::from(is_country);
        let key = asking.naming.keys(&[Dimension::Field(field)], std::slice::from_ref(&value)).pop();
        let newcomer = Newcomer {
            kind: kind.to_owned(),
            key: key.unwrap_or_default(),
            first_seen: first_seen(asking, range),
            amount,
        };
        rows.push((newcomer, range));
        if rows.len() >= 2 * MOST {
            keep_most(&mut rows);
        }
    }
    keep_most(&mut rows);
    news.rows = rows.into_iter().map(|(newcomer, _)| newcomer).collect();
    Ok(news)
}

fn keep_most(rows: &mut Vec<(Newcomer, TimeRange)>) {
    rows.sort_by(|(one, seen), (other, seen_other)| {
        let bytes = |newcomer: &Newcomer| newcomer.amount.traffic.scaled_bytes;
        bytes(other).cmp(&bytes(one)).then_with(|| seen.from_ms.cmp(&seen_other.from_ms))
    });
    rows.truncate(MOST);
}

/// The minute, or the hour or day where no more is known.
fn first_seen(asking: &Asking<'_>, bucket: TimeRange) -> String {
    if bucket.length_ms() <= MINUTE {
        asking.calendar.moment(bucket.from_ms)
    } else {
        asking.calendar.span(bucket)
    }
}
