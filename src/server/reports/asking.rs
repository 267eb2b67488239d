//! What people ask for: the list, a report, another one, a schedule.

use super::order::{Asked, Order};
use super::schedule::{self, ON_DEMAND, Rhythm};
use super::writing::Held;
use super::{Reports, random_letters, unreadable};
use crate::model::report::{ReportEntry, ReportList, ReportPage, Schedule, ScheduleEntry};
use crate::server::history::error::QuestionError;
use crate::server::store::reports::{NewReport, Ordered, without_secrets};

/// The most reports on demand that wait.
const MOST_WAITING: i64 = 20;
/// The most reports on demand that are kept.
const MOST_ORDERED: i64 = 500;
/// The most schedules.
const MOST_SCHEDULES: usize = 50;
const OFF: &str = "Reports are off: `enabled` in the section [reports] of meridian.toml is false.";

impl Reports {
    /// All reports and schedules.
    pub async fn list(&self) -> Result<ReportList, QuestionError> {
        let settings = &self.settings;
        let mut list = ReportList {
            reports: Vec::new(),
            reports_in_all: 0,
            schedules: Vec::new(),
            zone: settings.zone.clone(),
            can_mail: settings.smtp.is_some(),
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
        let listed = store.reports().await.map_err(unreadable)?;
        (list.reports, list.reports_in_all) = (listed.entries, listed.in_all);
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
        let logo = self.settings.logo.as_ref().map(|_| "/reports-logo".to_owned()).unwrap_or_default();
        Ok(ReportPage { entry, report, logo })
    }

    /// Notes a report that somebody asks for, and returns its name.
    pub async fn order(&self, order: &Order) -> Result<String, QuestionError> {
        let store = self.enabled_store()?;
        let now_ms = self.now_ms();
        let Asked { question, calendar } = order.read(&self.settings, now_ms)?;
        let id = format!("{ON_DEMAND}-{}", random_letters());
        let period = calendar.label(question.period, question.range);
        let new =
            NewReport { id: id.clone(), schedule: None, key: id.clone(), period, question, due_ms: now_ms };
        let ordered = store.order_report(&new, MOST_WAITING, MOST_ORDERED).await.map_err(unreadable)?;
        self.note(ordered, &id)?;
        Ok(id)
    }

    /// Has a report made anew, from what is kept now.
    pub async fn remake(&self, id: &str) -> Result<(), QuestionError> {
        let store = self.enabled_store()?;
        let ordered = store.reorder_report(id, self.now_ms(), MOST_WAITING).await.map_err(unreadable)?;
        self.note(ordered, id)
    }

    /// Has what is noted made, or says why it is not noted.
    fn note(&self, ordered: Ordered, id: &str) -> Result<(), QuestionError> {
        let text = match ordered {
            Ordered::Noted => {
                self.ordered.notify_one();
                return Ok(());
            }
            Ordered::Unknown => return Err(unknown(id)),
            Ordered::TooManyWait => {
                format!("{MOST_WAITING} reports are waiting to be made: ask again when some are done.")
            }
            Ordered::TooManyKept => {
                format!("{MOST_ORDERED} reports on demand are kept: remove some that nobody needs.")
            }
        };
        Err(QuestionError::Unavailable(text))
    }

    /// Has a report sent again to those who did not get it.
    pub async fn resend(&self, id: &str) -> Result<(), QuestionError> {
        let store = self.enabled_store()?;
        if store.resend_report(id, self.now_ms()).await.map_err(unreadable)? == 0 {
            let text = "Everybody who was to get this report has it, or nobody was.";
            return Err(QuestionError::Invalid(text.to_owned()));
        }
        self.wake_senders();
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
