//! What the flags of `meridian report` ask for.

use crate::server::config::flags::ReportFlags;
use crate::server::config::reports::ReportSettings;
use crate::server::history::error::QuestionError;
use crate::server::reports::order::{Asked, Order};

/// Reads the flags; the error says for people what to write instead.
pub fn asked(flags: &ReportFlags, settings: &ReportSettings, now_ms: i64) -> Result<Asked, QuestionError> {
    let (from, to) = match (&flags.month, &flags.from) {
        (Some(month), _) => (year_and_month(month)?, ""),
        (None, Some(from)) => (from.as_str(), flags.to.as_deref().unwrap_or("now")),
        (None, None) => ("last month", ""),
    };
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let order = Order {
        from: from.to_owned(),
        to: to.to_owned(),
        zone: given(&flags.zone),
        title: given(&flags.title),
        filter: given(&flags.filter),
        sections: flags.sections.clone(),
    };
    let mut asked = order.read(settings, now_ms)?;
    if asked.question.title.is_empty() {
        asked.question.title.clone_from(&settings.title);
    }
    Ok(asked)
}

fn year_and_month(month: &str) -> Result<&str, QuestionError> {
    let month = month.trim();
    let is_month = month.len() == 7 && format!("{month}-01").parse::<jiff::civil::Date>().is_ok();
    is_month.then_some(month).ok_or_else(|| {
        let shown: String = month.chars().take(40).collect();
        QuestionError::Invalid(format!("`{shown}` is no month: write year and month, such as 2026-10"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::{Period, Section};

    /// 2026-11-10 12:00 UTC.
    const NOW_MS: i64 = 1_794_312_000_000;

    fn read(flags: ReportFlags) -> Result<(Period, String), String> {
        let flags = ReportFlags { zone: flags.zone.or(Some("Europe/Berlin".to_owned())), ..flags };
        let asked = asked(&flags, &ReportSettings::default(), NOW_MS).map_err(|error| error.to_string())?;
        let Asked { question, calendar } = asked;
        Ok((question.period, calendar.span(question.range)))
    }

    fn flags(month: Option<&str>, from: Option<&str>, to: Option<&str>) -> ReportFlags {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        ReportFlags { month: owned(month), from: owned(from), to: owned(to), ..ReportFlags::default() }
    }

    #[test]
    fn a_month_is_the_one_of_the_zone_and_without_any_the_last_whole_one() {
        let october = Ok((Period::Month, "2026-10-01 00:00 – 2026-11-01 00:00".to_owned()));
        assert_eq!(read(flags(Some("2026-10"), None, None)), october);
        assert_eq!(read(flags(None, None, None)), october);
        for wrong in ["2026-13", "October", "2026", "", "2026-10-15"] {
            let error = read(flags(Some(wrong), None, None)).unwrap_err();
            assert!(error.contains("such as 2026-10"), "{error}");
        }
    }

    #[test]
    fn dates_are_whole_days_of_the_zone_and_a_whole_period_is_known_as_one() {
        let told = |from, to| read(flags(None, Some(from), Some(to))).unwrap();
        assert_eq!(
            told("2026-10-01", "2026-10-31"),
            (Period::Month, "2026-10-01 00:00 – 2026-11-01 00:00".to_owned())
        );
        assert_eq!(told("2026-10-25", "2026-10-25").0, Period::Day, "a day of 25 hours");
        assert_eq!(told("2026-10-19", "2026-10-25").0, Period::Week);
        assert_eq!(
            told("2026-10-02T08:30", "2026-10-02T09:00:00Z"),
            (Period::Custom, "2026-10-02 08:30 – 2026-10-02 11:00".to_owned())
        );
        assert_eq!(read(flags(None, Some("-6h"), None)).unwrap().0, Period::Custom);
        let error = read(flags(None, Some("2026-10-02"), Some("2026-10-01"))).unwrap_err();
        assert!(error.contains("write the beginning first"), "{error}");
        assert_eq!(
            told("last month", "last month").1,
            "2026-10-01 00:00 – 2026-11-01 00:00",
            "by the zone's clock"
        );
        assert_eq!(told("2026-10-31 23:30", "now").1, "2026-10-31 23:30 – 2026-11-10 13:00");
    }

    #[test]
    fn a_zone_that_does_not_exist_is_an_error_and_sections_have_their_order() {
        let wrong = ReportFlags { zone: Some("Europe/Bärlin".to_owned()), ..ReportFlags::default() };
        assert!(read(wrong).is_err());
        let chosen = vec![Section::Exporters, Section::Days, Section::Days];
        let settings = ReportSettings::default();
        let chosen =
            asked(&ReportFlags { sections: chosen, ..ReportFlags::default() }, &settings, NOW_MS).unwrap();
        assert_eq!(chosen.question.sections, [Section::Days, Section::Exporters]);
        assert_eq!(
            asked(&ReportFlags::default(), &settings, NOW_MS).unwrap().question.sections,
            Section::ALL
        );
    }
}
