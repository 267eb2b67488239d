//! What people ask for: the list, a report, another one, a schedule.

use jiff::tz::TimeZone;
use jiff::{Timestamp, tz};

use super::calendar::Calendar;
use super::schedule::{self, ON_DEMAND, Rhythm};
use super::writing::Held;
use super::{Reports, random_letters, unreadable};
use crate::model::report::{
    Period, ReportEntry, ReportList, ReportPage, ReportQuestion, Schedule, ScheduleEntry, Section,
};
use crate::model::time_range::TimeRange;
use crate::model::time_words::{Now, TimeWords, parse_rfc3339};
use crate::server::history::error::QuestionError;
use crate::server::store::reports::{NewReport, without_secrets};

/// The most reports on demand that wait.
const MOST_WAITING: i64 = 20;
/// The most reports on demand that are kept.
const MOST_ORDERED: i64 = 500;
/// The most schedules.
const MOST_SCHEDULES: usize = 50;
const OFF: &str = "Reports are off: `enabled` in the section [reports] of meridian.toml is false.";

/// A report that somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// The beginning, RFC 3339 or words; or the whole range.
    pub from: String,
    /// The end.
    pub to: String,
    /// The time zone; empty for the one of the configuration.
    pub zone: String,
    /// The heading; empty for the one of the configuration.
    pub title: String,
    /// Which flows; empty for all.
    pub filter: String,
    /// What it has; empty for everything.
    pub sections: Vec<Section>,
}

impl Reports {
    /// All reports and schedules.
    pub async fn list(&self) -> Result<ReportList, QuestionError> {
        let settings = &self.settings;
        let mut list = ReportList {
            reports: Vec::new(),
            schedules: Vec::new(),
            zone: settings.zone.clone(),
            can_mail: settings.smtp.is_some(),
            logo: if settings.logo.is_some() { "/reports-logo".to_owned() } else { String::new() },
            keep_days: Some(settings.keep_days),
            notices: self.notices(),
        };
        if !settings.is_enabled {
            list.notices.push(OFF.to_owned());
        }
        let store = match self.store() {
            Ok(store) => store,
            Err(QuestionError::Unavailable(why)) => {
                list.notices.push(format!("{why} Reports are written as soon as there is a history."));
                return Ok(list);
            }
            Err(error) => return Err(error),
        };
        list.reports = store.reports().await.map_err(unreadable)?;
        list.reports.iter_mut().for_each(|entry| self.name(entry));
        if settings.is_enabled {
            let held = self.held(&store).await?;
            list.schedules = held.into_iter().map(|held| self.entry(held)).collect();
        }
        Ok(list)
    }

    fn entry(&self, Held { mut schedule, known }: Held) -> ScheduleEntry {
        let rhythm = Rhythm::new(&schedule).ok();
        let next_ms = rhythm.as_ref().and_then(|rhythm| rhythm.next_ms(self.now_ms()));
        let next_at = rhythm.zip(next_ms).map(|(rhythm, next_ms)| rhythm.moment(next_ms)).unwrap_or_default();
        if !schedule.webhook.is_empty() {
            schedule.webhook = without_secrets(&schedule.webhook);
        }
        ScheduleEntry { schedule, is_configured: known.schedule.is_none(), next_ms, next_at }
    }

    /// Puts the heading of the configuration where there is no other.
    fn name(&self, entry: &mut ReportEntry) {
        if entry.question.title.is_empty() {
            entry.question.title.clone_from(&self.settings.title);
        }
    }

    /// A report.
    pub async fn page(&self, id: &str) -> Result<ReportPage, QuestionError> {
        let found = self.store()?.report(id).await.map_err(unreadable)?;
        let (mut entry, report) = found.ok_or_else(|| unknown(id))?;
        self.name(&mut entry);
        Ok(ReportPage { entry, report })
    }

    /// Notes a report that somebody asks for, and returns its name.
    pub async fn order(&self, order: &Order) -> Result<String, QuestionError> {
        let store = self.enabled_store()?;
        let now_ms = self.now_ms();
        let zone = if order.zone.trim().is_empty() { &self.settings.zone } else { &order.zone };
        let calendar = Calendar::of(zone).map_err(QuestionError::Invalid)?;
        let range = range_of(&order.from, &order.to, &calendar, now_ms).map_err(QuestionError::Invalid)?;
        if range.from_ms >= now_ms {
            let begins = calendar.moment_in_zone(range.from_ms);
            let text = format!("This has not begun: it does at {begins}. Choose an earlier range.");
            return Err(QuestionError::Invalid(text));
        }
        let is_whole = |period: &Period| calendar.containing(*period, range.from_ms) == Some(range);
        let period = [Period::Month, Period::Week, Period::Day].into_iter().find(is_whole);
        let period = period.unwrap_or(Period::Custom);
        let question = ReportQuestion {
            title: schedule::title(&order.title)?,
            period,
            range,
            zone: calendar.name().to_owned(),
            filter: schedule::filter(&order.filter)?,
            sections: schedule::in_order(&order.sections),
        };
        let (kept, waiting) = store.count_ordered().await.map_err(unreadable)?;
        if waiting >= MOST_WAITING {
            let text =
                format!("{MOST_WAITING} reports are waiting to be made: ask again when some are done.");
            return Err(QuestionError::Unavailable(text));
        }
        if kept >= MOST_ORDERED {
            let text = format!("{MOST_ORDERED} reports on demand are kept: remove some that nobody needs.");
            return Err(QuestionError::Unavailable(text));
        }
        let id = format!("{ON_DEMAND}-{}", random_letters());
        let period = calendar.label(period, range);
        let new =
            NewReport { id: id.clone(), schedule: None, key: id.clone(), period, question, due_ms: now_ms };
        store.order_reports(&[new]).await.map_err(unreadable)?;
        self.ordered.notify_one();
        Ok(id)
    }

    /// Has a report made anew, from what is kept now.
    pub async fn remake(&self, id: &str) -> Result<(), QuestionError> {
        let store = self.enabled_store()?;
        if !store.reorder_report(id, self.now_ms()).await.map_err(unreadable)? {
            return Err(unknown(id));
        }
        self.ordered.notify_one();
        Ok(())
    }

    /// Has a report sent again to those who did not get it.
    pub async fn resend(&self, id: &str) -> Result<(), QuestionError> {
        let store = self.enabled_store()?;
        if store.resend_report(id, self.now_ms()).await.map_err(unreadable)? == 0 {
            let text = "Everybody who was to get this report has it, or nobody was.";
            return Err(QuestionError::Invalid(text.to_owned()));
        }
        self.to_send.notify_one();
        Ok(())
    }

    /// Removes a report.
    pub async fn remove(&self, id: &str) -> Result<(), QuestionError> {
        if self.store()?.remove_report(id, self.now_ms()).await.map_err(unreadable)? {
            Ok(())
        } else {
            Err(unknown(id))
        }
    }

    /// Adds a schedule.
    pub async fn add_schedule(&self, schedule: Schedule) -> Result<(), QuestionError> {
        let store = self.enabled_store()?;
        let mut schedule = schedule;
        if schedule.zone.trim().is_empty() {
            schedule.zone.clone_from(&self.settings.zone);
        }
        let schedule = schedule::checked(schedule, self.settings.smtp.is_some())?;
        let held = self.held(&store).await?;
        if held.len() >= MOST_SCHEDULES {
            let text = format!("There are {MOST_SCHEDULES} schedules: remove one that nobody needs.");
            return Err(QuestionError::Invalid(text));
        }
        if !store.add_schedule(&schedule, self.now_ms()).await.map_err(unreadable)? {
            let text = format!("There is a schedule “{}” already: choose another name.", schedule.name);
            return Err(QuestionError::Invalid(text));
        }
        self.ordered.notify_one();
        Ok(())
    }

    /// Removes a schedule that was added on the page.
    pub async fn remove_schedule(&self, name: &str) -> Result<(), QuestionError> {
        if self.settings.schedules.iter().any(|schedule| schedule.name == name) {
            let text = "The configuration has this schedule: remove it there, in meridian.toml.";
            return Err(QuestionError::Invalid(text.to_owned()));
        }
        if !self.store()?.remove_schedule(name).await.map_err(unreadable)? {
            return Err(QuestionError::Invalid("There is no schedule of this name.".to_owned()));
        }
        Ok(())
    }

    fn enabled_store(&self) -> Result<std::sync::Arc<crate::server::store::Store>, QuestionError> {
        if !self.settings.is_enabled {
            return Err(QuestionError::Unavailable(OFF.to_owned()));
        }
        self.store()
    }
}

fn unknown(id: &str) -> QuestionError {
    let shown: String = id.chars().take(60).collect();
    QuestionError::Invalid(format!("There is no report “{shown}”. It may have been removed, or is too old."))
}

/// The range that words mean in a time zone.
fn range_of(from: &str, to: &str, calendar: &Calendar, now_ms: i64) -> Result<TimeRange, String> {
    let zone = TimeZone::get(calendar.name()).map_err(|error| error.to_string())?;
    let now_at = Timestamp::from_millisecond(now_ms).map_err(|error| error.to_string())?;
    let offset = zone.to_offset(now_at);
    let now = Now { ms: now_ms, offset_minutes: offset.seconds() / 60 };
    let words = TimeWords::read(Some(from), Some(to), now)?.ok_or_else(|| {
        "Say which range the report is of, such as last month, 2026-10, or a beginning and an end.".to_owned()
    })?;
    let range = words.resolve(now)?;
    let to = if to.trim().is_empty() { from } else { to };
    // Words are read with the distance from UTC that the zone has now: what they say is a time on the wall.
    let in_zone = |text: &str, moment_ms: i64| {
        if is_exact(text) || moment_ms == now_ms {
            return Some(moment_ms);
        }
        let wall = offset_of(now).to_datetime(Timestamp::from_millisecond(moment_ms).ok()?);
        Some(wall.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond())
    };
    let ends = in_zone(from, range.from_ms).zip(in_zone(to, range.to_ms));
    ends.and_then(|(from, to)| TimeRange::new(from, to)).ok_or_else(|| {
        "The end is not after the beginning: write the beginning first, then the end.".to_owned()
    })
}

fn offset_of(now: Now) -> tz::Offset {
    tz::Offset::from_seconds(now.offset_minutes.saturating_mul(60)).unwrap_or(tz::Offset::UTC)
}

/// True when a text says a moment or a length, whatever the time zone.
fn is_exact(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('-') || text.split_whitespace().any(|word| parse_rfc3339(word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: &str, zone: &str) -> TimeRange {
        let now_ms = parse_rfc3339("2026-11-15T12:00:00Z").unwrap();
        range_of(from, to, &Calendar::of(zone).unwrap(), now_ms).unwrap()
    }

    fn utc(from: &str, to: &str) -> TimeRange {
        TimeRange::new(parse_rfc3339(from).unwrap(), parse_rfc3339(to).unwrap()).unwrap()
    }

    #[test]
    fn a_month_is_that_of_the_zone_on_both_sides_of_a_change_of_summer_time() {
        let october = utc("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
        assert_eq!(asked("2026-10", "", "Europe/Berlin"), october);
        assert_eq!(asked("last month", "last month", "Europe/Berlin"), october);
        let said = asked("2026-10-01T00:00:00Z", "2026-10-31T23:00:00Z", "Europe/Berlin");
        assert_eq!(said, utc("2026-10-01T00:00:00Z", "2026-10-31T23:00:00Z"));
        assert_eq!(asked("-6h", "now", "Europe/Berlin").length_ms(), 6 * 3_600_000);
    }

    #[test]
    fn without_a_range_it_is_said_what_to_write() {
        let error = range_of("", " ", &Calendar::of("UTC").unwrap(), 0).unwrap_err();
        assert!(error.contains("last month"), "{error}");
    }
}
