//! What a report says, made from the history.
//!
//! All figures come from the tiers that answer the heatmap and the explorer, so that they are the same there: from sums
//! wherever these answer exactly. Only the lists of hosts need flow records. The period before is asked for the
//! very keys of this one's lists. Bounded in memory and time by the longest range, `MOST_DAYS_BY_HOUR` and the rows of each
//! list. What is not known is `None`, never 0.

mod asking;
mod changes;
mod exporters;
mod lists;
mod newcomers;
mod notes;
mod over_time;
mod peaks;
mod summary;
#[cfg(test)]
mod tests;

use std::time::Instant;

use self::asking::{Asking, Whole};
use self::over_time::OverTime;
use super::calendar::Calendar;
use super::order::reportable;
use crate::model::filter::Filter;
use crate::model::history::{Amount, Distinct};
use crate::model::report::{Compared, Report, ReportQuestion, Section};
use crate::server::history::answers::History;
use crate::server::history::error::QuestionError;
use crate::server::history::naming::Naming;

/// The longest range that is looked at hour by hour, days.
const MOST_DAYS_BY_HOUR: i64 = 400;

/// Makes a report of what is kept at this moment. Whoever drops the future stops the work.
pub async fn make(
    history: &History,
    naming: &Naming,
    question: &ReportQuestion,
    now_ms: i64,
) -> Result<Report, QuestionError> {
    let began = Instant::now();
    let calendar = Calendar::of(&question.zone).map_err(QuestionError::Invalid)?;
    let range = reportable(question.range, &calendar, now_ms)?;
    let filter: Filter = question.filter.parse()?;
    let turn = history.questions().begin(0).await?;
    let range_before = calendar.before(question.period, range);
    let asking = Asking {
        tiers: history.tiers()?,
        control: &turn.control,
        naming,
        calendar: &calendar,
        filter,
        range,
        range_before,
        now_ms,
    };
    let has = |section: Section| question.sections.contains(&section);
    let whole = asking.whole(range).await?;
    let before = asking.before().await?;
    let over_time = OverTime::find(&asking, before.is_known()).await?;
    let mut made_of = whole.made_of.clone();
    made_of.join(over_time.made_of());
    let lists = lists::find(&asking, &before, has).await?;
    let news = newcomers::find(&asking, &lists, has(Section::New)).await?;
    let exporters = exporters::find(&asking, &before, has(Section::Exporters)).await?;
    let peaks = peaks::find(&asking, &over_time, has(Section::Hours)).await?;

    let before_whole = before.whole();
    let compared =
        |pick: fn(&Whole) -> Amount| Compared { now: pick(&whole), before: before_whole.map(pick) };
    let losses = asking.tiers.losses(range);
    let mut report = Report {
        question: ReportQuestion { zone: calendar.name().to_owned(), ..question.clone() },
        period: calendar.label(question.period, range),
        period_before: calendar.label(question.period, range_before),
        range_before,
        made_ms: now_ms,
        made_at: calendar.moment_in_zone(now_ms),
        summary: Vec::new(),
        total: compared(|whole| whole.total),
        inbound: compared(|whole| whole.ways[0]),
        outbound: compared(|whole| whole.ways[1]),
        internal: compared(|whole| whole.ways[2]),
        transit: compared(|whole| whole.ways[3]),
        steps: if has(Section::Days) { over_time.steps(&asking).await? } else { Vec::new() },
        week: has(Section::Hours).then(|| over_time.week(&asking)).flatten(),
        peaks,
        countries_in_all: Distinct::exact(lists.countries_in_all()),
        countries: if has(Section::Map) || has(Section::Countries) {
            lists.countries.clone()
        } else {
            Vec::new()
        },
        newcomers_in_all: news.in_all,
        newcomers: news.rows.clone(),
        exporters: exporters.rows.clone(),
        lost_records: losses.flows(),
        source: asking.tiers.source(range, made_of, began),
        notes: Vec::new(),
        tops: Vec::new(),
    };
    report.summary = summary::of(&report, &asking, &over_time, &lists, &news, exporters.losses);
    report.notes = notes::of(&report, &asking, &before, &over_time, &lists, &news, &exporters);
    report.tops = lists.tops;
    Ok(report)
}
