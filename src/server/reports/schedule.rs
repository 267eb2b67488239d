//! Schedules: what makes sense in one, and which reports it asks for at a moment.
//!
//! A due time asks for the last whole period that ended at or before it, and several due times in one period ask for it
//! once. A time of day that a change of summer time skips is due at the first moment after it, one that comes twice at
//! the first of both. Pure: the moment is an argument.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use lettre::Address;

use super::calendar::Calendar;
use crate::model::filter::Filter;
use crate::model::report::{Period, ReportQuestion, Schedule, Section};
use crate::model::time_range::TimeRange;
use crate::server::history::error::QuestionError;
use crate::server::store::reports::NewReport;

/// Reports that are written at most of what a schedule has missed.
pub const MOST_MISSED: usize = 24;
/// The longest title, in characters.
pub const MOST_TITLE: usize = 200;
/// The longest filter, in characters.
pub const MOST_FILTER: usize = 4_000;
const MOST_NAME: usize = 40;
const MOST_CRON: usize = 100;
const MOST_ADDRESSES: usize = 50;
const MOST_URL: usize = 2_000;
/// The first word of the names of reports that somebody asked for.
pub const ON_DEMAND: &str = "custom";

/// The cron expression of a period when none is named: a while after its end.
pub const fn usual_cron(period: Period) -> &'static str {
    match period {
        Period::Week => "0 3 * * 1",
        Period::Day => "0 3 * * *",
        Period::Month | Period::Custom => "0 3 1 * *",
    }
}

/// The one schedule that is there when the configuration says nothing of schedules.
pub fn built_in(zone: &str) -> Schedule {
    Schedule {
        name: "monthly".to_owned(),
        period: Period::Month,
        cron: usual_cron(Period::Month).to_owned(),
        zone: zone.to_owned(),
        title: String::new(),
        filter: String::new(),
        sections: Section::ALL.to_vec(),
        email: Vec::new(),
        webhook: String::new(),
    }
}

/// The system's time zone, or UTC.
pub fn zone_of_system() -> String {
    TimeZone::try_system()
        .ok()
        .and_then(|zone| zone.iana_name().map(str::to_owned))
        .unwrap_or_else(|| "UTC".to_owned())
}

/// A schedule with everything in its usual spelling; the error says what to write instead.
pub fn checked(mut schedule: Schedule, can_mail: bool) -> Result<Schedule, QuestionError> {
    let invalid = |text: String| Err(QuestionError::Invalid(text));
    schedule.name = schedule.name.trim().into();
    check_name(&schedule.name).map_err(QuestionError::Invalid)?;
    if schedule.period == Period::Custom {
        return invalid(
            "A schedule writes a report of each month, week or day: choose one of them.".to_owned(),
        );
    }
    schedule.cron = schedule.cron.split_whitespace().collect::<Vec<_>>().join(" ");
    if schedule.cron.is_empty() {
        usual_cron(schedule.period).clone_into(&mut schedule.cron);
    }
    let calendar = Calendar::of(&schedule.zone).map_err(QuestionError::Invalid)?;
    calendar.name().clone_into(&mut schedule.zone);
    Rhythm::new(&schedule).map_err(QuestionError::Invalid)?;
    schedule.title = title(&schedule.title)?;
    schedule.filter = filter(&schedule.filter)?;
    schedule.sections = in_order(&schedule.sections);
    schedule.email.iter_mut().for_each(|address| *address = address.trim().to_owned());
    schedule.email.retain(|address| !address.is_empty());
    if schedule.email.len() > MOST_ADDRESSES {
        return invalid(format!(
            "At most {MOST_ADDRESSES} addresses get a report: name a list of your mail server."
        ));
    }
    for address in &schedule.email {
        check_address(address).map_err(QuestionError::Invalid)?;
    }
    let is_twice = |(at, one): (usize, &String)| schedule.email.iter().take(at).any(|other| other == one);
    if let Some(address) =
        schedule.email.iter().enumerate().find(|one| is_twice(*one)).map(|(_, address)| address)
    {
        return invalid(format!("The address {address} is there twice: write it once."));
    }
    if !can_mail && !schedule.email.is_empty() {
        return invalid(
            "E-mail needs a mail server: name it in the section [reports.smtp] of meridian.toml.".to_owned(),
        );
    }
    schedule.webhook = schedule.webhook.trim().into();
    if !schedule.webhook.is_empty() {
        check_webhook(&schedule.webhook).map_err(QuestionError::Invalid)?;
    }
    Ok(schedule)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_usual = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let is_good =
        !name.is_empty() && name.len() <= MOST_NAME && name.chars().all(is_usual) && !name.starts_with('-');
    if !is_good {
        let shown: String = name.chars().take(MOST_NAME).collect();
        return Err(format!(
            "“{shown}” cannot name a schedule: write up to {MOST_NAME} lower-case letters, digits and -, such as campus-weekly."
        ));
    }
    if name == ON_DEMAND {
        return Err(format!("Reports that somebody asks for are called {ON_DEMAND}: choose another name."));
    }
    Ok(())
}

/// A title as it is kept.
pub fn title(title: &str) -> Result<String, QuestionError> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.chars().count() > MOST_TITLE || title.chars().any(char::is_control) {
        let text = format!("The title cannot be used: write one line of at most {MOST_TITLE} characters.");
        return Err(QuestionError::Invalid(text));
    }
    Ok(title)
}

/// A filter as it is kept.
pub fn filter(filter: &str) -> Result<String, QuestionError> {
    let filter = filter.trim();
    if filter.chars().count() > MOST_FILTER {
        let text = format!("The filter is too long: write at most {MOST_FILTER} characters.");
        return Err(QuestionError::Invalid(text));
    }
    filter.parse::<Filter>()?;
    Ok(filter.to_owned())
}

/// Sections in the order of a report, each once; all of them where none is named.
pub fn in_order(sections: &[Section]) -> Vec<Section> {
    Section::ALL.into_iter().filter(|section| sections.is_empty() || sections.contains(section)).collect()
}

/// Says what is wrong with an address of e-mail.
pub fn check_address(address: &str) -> Result<(), String> {
    address.parse::<Address>().map(drop).map_err(|_| {
        let shown: String = address.chars().take(100).collect();
        format!("“{shown}” is no address of e-mail: write one like noc@example.org.")
    })
}

fn check_webhook(url: &str) -> Result<(), String> {
    let parsed = url.parse::<axum::http::Uri>().ok().filter(|_| url.len() <= MOST_URL);
    let is_web = parsed
        .as_ref()
        .and_then(axum::http::Uri::scheme_str)
        .is_some_and(|scheme| matches!(scheme, "http" | "https"));
    let has_host = parsed.as_ref().and_then(axum::http::Uri::host).is_some_and(|host| !host.is_empty());
    if is_web && has_host {
        return Ok(());
    }
    let shown: String = url.chars().take(100).collect();
    Err(format!(
        "“{shown}” is no address of a webhook: write one like https://noc.example.org/hooks/meridian."
    ))
}

/// When a schedule is due.
#[derive(Clone, Debug)]
pub struct Rhythm {
    cron: Cron,
    zone: TimeZone,
    calendar: Calendar,
    period: Period,
}

/// A period that a schedule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When the period is.
    pub range: TimeRange,
    /// When its report is due first.
    pub due_ms: i64,
}

impl Rhythm {
    /// That of a schedule; the error says what to write instead.
    pub fn new(schedule: &Schedule) -> Result<Self, String> {
        let text = &schedule.cron;
        let shown: String = text.chars().take(MOST_CRON).collect();
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let wanted =
            "write minute hour day month weekday, such as 0 3 1 * * for 03:00 on the first of each month";
        let cron = parser.parse(text).ok().filter(|_| text.len() <= MOST_CRON && !text.starts_with('@'));
        let cron = cron.ok_or_else(|| format!("“{shown}” is no time that cron knows: {wanted}."))?;
        let calendar = Calendar::of(&schedule.zone)?;
        let zone = TimeZone::get(calendar.name()).map_err(|error| error.to_string())?;
        let rhythm = Self { cron, zone, calendar, period: schedule.period };
        // 2024 has a 29th of February, as the rarest date that comes.
        let of_2023_ms = 1_672_531_200_000;
        let never = format!("“{shown}” is a time that never comes: {wanted}.");
        rhythm.next_ms(of_2023_ms).map(|_| rhythm).ok_or(never)
    }

    /// The second that has a moment: cron knows no parts of it.
    fn at(&self, moment_ms: i64) -> Option<Zoned> {
        Some(Timestamp::from_second(moment_ms.div_euclid(1_000)).ok()?.to_zoned(self.zone.clone()))
    }

    /// The first due time after a moment.
    pub fn next_ms(&self, moment_ms: i64) -> Option<i64> {
        let next = self.cron.find_next_occurrence(&self.at(moment_ms)?, false).ok()?;
        Some(next.timestamp().as_millisecond())
    }

    /// The last due time at or before a moment.
    pub fn last_ms(&self, moment_ms: i64) -> Option<i64> {
        let last = self.cron.find_previous_occurrence(&self.at(moment_ms)?, true).ok()?;
        Some(last.timestamp().as_millisecond()).filter(|last| *last <= moment_ms)
    }

    /// What was due after one moment and up to another, at most the last [`MOST_MISSED`], the latest first.
    pub fn due(&self, after_ms: i64, now_ms: i64) -> Vec<Due> {
        let mut all = Vec::new();
        let mut until_ms = now_ms;
        while all.len() < MOST_MISSED
            && let Some(due_ms) = self.last_ms(until_ms).filter(|due_ms| *due_ms > after_ms)
            && let Some(range) = self.calendar.last_whole(self.period, due_ms)
        {
            // Several due times may ask for the same period: the first of them counts.
            let first_ms = self.next_ms(range.to_ms - 1).map_or(due_ms, |first| first.min(due_ms));
            if first_ms > after_ms {
                all.push(Due { range, due_ms: first_ms });
            }
            until_ms = first_ms - 1;
        }
        all
    }

    /// When a moment is, in the schedule's zone.
    pub fn moment(&self, moment_ms: i64) -> String {
        self.calendar.moment_in_zone(moment_ms)
    }

    /// The report of a schedule for a period.
    pub fn report(&self, schedule: &Schedule, due: Due) -> NewReport {
        let key = self.key(due.range);
        NewReport {
            id: format!("{}-{key}", schedule.name),
            schedule: Some(schedule.name.clone()),
            key,
            period: self.calendar.label(self.period, due.range),
            question: ReportQuestion {
                title: schedule.title.clone(),
                period: self.period,
                range: due.range,
                zone: schedule.zone.clone(),
                filter: schedule.filter.clone(),
                sections: schedule.sections.clone(),
            },
            due_ms: due.due_ms,
        }
    }

    /// `2026-10`, `2026-w44`, `2026-10-31`.
    fn key(&self, range: TimeRange) -> String {
        let date = self.calendar.moment(range.from_ms);
        let part = |length| date.get(..length).unwrap_or(&date).to_owned();
        match self.period {
            Period::Month => part(7),
            Period::Week => {
                let label = self.calendar.label(Period::Week, range);
                let mut numbers = label.split(' ').filter_map(|word| word.parse::<u32>().ok());
                match (numbers.next(), numbers.next()) {
                    (Some(week), Some(year)) => format!("{year}-w{week:02}"),
                    _ => part(10),
                }
            }
            Period::Day | Period::Custom => part(10),
        }
    }
}

#[cfg(test)]
mod tests;
