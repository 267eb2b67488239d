//! Who had most: countries, cities, autonomous systems, services, protocols, hosts.

use std::collections::HashMap;
use std::time::Instant;

use super::asking::{Asking, Before};
use crate::model::filter::{End, Field};
use crate::model::history::{Amount, CountryAmount, Dimension, Distinct, Key, Metric, Source};
use crate::model::report::{Compared, Section, TopEntry, TopSection};
use crate::model::time_range::TimeRange;
use crate::server::history::answers::{amount, ranked};
use crate::server::history::error::QuestionError;
use crate::server::history::groups::{Group, Value};
use crate::server::history::planner::{Found, MadeOf};
use crate::server::history::request::{Most, Request};
use crate::server::history::series::only;

/// Rows of a list, and of the one of countries.
const ROWS: usize = 10;
const COUNTRY_ROWS: usize = 20;
/// Autonomous systems among which those are looked up that are new.
const MOST_SYSTEMS: usize = 20_000;

/// The lists of a report, and what else needs their groups.
pub(super) struct Lists {
    /// In the order of the sections.
    pub tops: Vec<TopSection>,
    /// Every country with traffic, most bytes first.
    pub countries: Vec<CountryAmount>,
    /// What the autonomous systems with most bytes had; empty when nobody asks.
    pub systems: HashMap<Value, Amount>,
    /// True when sums knew the countries, the autonomous systems only in part.
    pub is_partial: bool,
    /// Keys of lists of which it is not known what they had before, because sums keep the larger ones only.
    pub unknown_before: u64,
}

impl Lists {
    /// Countries with traffic, without the addresses that no database knows.
    pub fn countries_in_all(&self) -> u64 {
        self.countries.iter().filter(|row| row.country.is_some()).count() as u64
    }
}

/// What a list is of.
#[derive(Clone, Copy)]
struct Subject {
    section: Section,
    field: Field,
    column: &'static str,
    rows: usize,
}

const SUBJECTS: [Subject; 7] = [
    subject(Section::Countries, Field::Country(End::Outside), "Country"),
    subject(Section::Cities, Field::City(End::Outside), "City"),
    subject(Section::Systems, Field::AsNumber(End::Outside), "Autonomous system"),
    subject(Section::Services, Field::Service, "Service"),
    subject(Section::Protocols, Field::Protocol, "Protocol"),
    subject(Section::HomeHosts, Field::Address(End::Home), "Home host"),
    subject(Section::OutsideHosts, Field::Address(End::Outside), "Outside host"),
];

const fn subject(section: Section, field: Field, column: &'static str) -> Subject {
    let rows = if matches!(section, Section::Countries) { COUNTRY_ROWS } else { ROWS };
    Subject { section, field, column, rows }
}

/// The lists of the sections that a report has; the countries in any case.
pub(super) async fn find(
    asking: &Asking<'_>,
    before: &Before,
    has: impl Fn(Section) -> bool,
) -> Result<Lists, QuestionError> {
    let mut lists = Lists {
        tops: Vec::new(),
        countries: Vec::new(),
        systems: HashMap::new(),
        is_partial: false,
        unknown_before: 0,
    };
    for subject in SUBJECTS {
        let is_shown = has(subject.section);
        let is_needed = match subject.section {
            Section::Countries => true,
            Section::Systems => is_shown || has(Section::New),
            _ => is_shown,
        };
        if !is_needed {
            continue;
        }
        let began = Instant::now();
        let is_of_hosts = matches!(subject.section, Section::HomeHosts | Section::OutsideHosts);
        if is_of_hosts && let Some(why) = no_records(asking) {
            lists.tops.push(nothing(subject, source_of(asking, why, began)));
            continue;
        }
        let has_addresses = subject.section == Section::Countries && (is_shown || has(Section::Map));
        let most = match subject.section {
            Section::Countries => None,
            Section::Systems if has(Section::New) => Some(MOST_SYSTEMS),
            _ => Some(subject.rows),
        };
        let request = Request {
            addresses: has_addresses,
            most: most.map(|groups| Most { metric: Metric::Bytes, groups }),
            ..asking.request(asking.range, &[Dimension::Field(subject.field)])
        };
        let found = match asking.group(&request).await {
            // Too many hosts are no reason to have no report.
            Err(QuestionError::Invalid(why)) if is_of_hosts => {
                lists.tops.push(nothing(subject, source_of(asking, why, began)));
                continue;
            }
            found => found?,
        };
        let Found { groups, made_of } = found;
        lists.is_partial |= groups.is_partial;
        let total = groups.totals.first().map(amount).unwrap_or_default();
        let of = (!groups.is_partial).then_some(groups.count);
        let groups = ranked(groups.groups, Most { metric: Metric::Bytes, groups: usize::MAX });
        if subject.section == Section::Countries {
            lists.countries = groups.iter().filter_map(country).collect();
        }
        if subject.section == Section::Systems && has(Section::New) {
            lists.systems = groups
                .iter()
                .filter_map(|group| Some((group.values.first()?.clone(), amount(group))))
                .collect();
        }
        if is_shown {
            let shown = groups.get(..subject.rows.min(groups.len())).unwrap_or_default();
            let (rows, unknown) = compared(asking, before, subject, shown).await?;
            lists.unknown_before += unknown;
            lists.tops.push(TopSection {
                section: subject.section,
                column: subject.column.to_owned(),
                rows,
                of,
                total,
                source: source(asking, made_of, is_of_hosts, began),
            });
        }
    }
    Ok(lists)
}

fn country(group: &Group) -> Option<CountryAmount> {
    match group.values.as_slice() {
        [Value::Country(country)] => Some(CountryAmount { country: *country, amount: amount(group) }),
        _ => None,
    }
}

/// Rows with what the same keys had in the period before, and of how many that is not known.
async fn compared(
    asking: &Asking<'_>,
    before: &Before,
    subject: Subject,
    groups: &[Group],
) -> Result<(Vec<TopEntry>, u64), QuestionError> {
    let dimensions = [Dimension::Field(subject.field)];
    let keys: Vec<Vec<Key>> =
        groups.iter().map(|group| asking.naming.keys(&dimensions, &group.values)).collect();
    let has_addresses = groups.iter().any(|group| group.addresses.is_some());
    let found = if before.is_known() && !groups.is_empty() {
        found_before(asking, subject, &dimensions, &keys, has_addresses).await?
    } else {
        None
    };
    let is_partial = found.as_ref().is_none_or(|found| found.groups.is_partial);
    let had: HashMap<&Value, Amount> = found
        .iter()
        .flat_map(|found| &found.groups.groups)
        .filter_map(|group| Some((group.values.first()?, amount(group))))
        .collect();
    let nothing = Amount { addresses: has_addresses.then(|| Distinct::exact(0)), ..Amount::default() };
    let rows: Vec<TopEntry> = groups
        .iter()
        .zip(keys)
        .filter_map(|(group, keys)| {
            let had = group.values.first().and_then(|value| had.get(value).copied());
            let before = had.or_else(|| (!is_partial).then_some(nothing));
            Some(TopEntry { key: keys.into_iter().next()?, amount: Compared { now: amount(group), before } })
        })
        .collect();
    let unknown =
        if found.is_some() { rows.iter().filter(|row| row.amount.before.is_none()).count() } else { 0 };
    Ok((rows, unknown as u64))
}

/// What some keys had in the period before; `None` where not all of it is kept.
async fn found_before(
    asking: &Asking<'_>,
    subject: Subject,
    dimensions: &[Dimension],
    keys: &[Vec<Key>],
    addresses: bool,
) -> Result<Option<Found>, QuestionError> {
    let all = Request { addresses, ..asking.request(asking.range_before, dimensions) };
    let request = if subject.section == Section::Countries {
        // There are few, and sums know the addresses of all only.
        all
    } else {
        Request { filter: asking.filter.clone().and(only(dimensions, keys)), ..all }
    };
    // Nobody is to wait for flow records of which some are gone.
    if !asking.tiers.plans(&request) && asking.tiers.has_expired(asking.range_before) {
        return Ok(None);
    }
    match asking.group(&request).await {
        Err(QuestionError::Invalid(_)) => Ok(None),
        found => Ok(Some(found?).filter(|found| found.made_of.lost.is_empty())),
    }
}

/// Why nothing is known of hosts, if so.
fn no_records(asking: &Asking<'_>) -> Option<String> {
    let from_ms = asking.tiers.archive().kept_from_ms().filter(|from| *from >= asking.range.to_ms)?;
    let from = match from_ms {
        i64::MAX => String::new(),
        _ => format!(": they are from {} on", asking.calendar.moment(from_ms)),
    };
    Some(format!(
        "Only flow records know hosts, and none of this period are kept any more{from}. {KEEP_LONGER}"
    ))
}

const KEEP_LONGER: &str = "history.archive_keep_days says for how many days they are kept, history.archive_keep_bytes up to which size.";

fn nothing(subject: Subject, source: Source) -> TopSection {
    TopSection {
        section: subject.section,
        column: subject.column.to_owned(),
        rows: Vec::new(),
        of: None,
        total: Amount::default(),
        source,
    }
}

fn source_of(asking: &Asking<'_>, why: String, began: Instant) -> Source {
    let made_of = MadeOf { faults: vec![why], ..MadeOf::default() };
    asking.tiers.source(asking.range, made_of, began)
}

fn source(asking: &Asking<'_>, mut made_of: MadeOf, is_of_hosts: bool, began: Instant) -> Source {
    let lost_until = made_of.lost.iter().map(|lost| lost.to_ms).max();
    if is_of_hosts && let Some(until) = lost_until {
        let lost = TimeRange { from_ms: asking.range.from_ms, to_ms: until };
        made_of.faults = vec![format!(
            "Only flow records know hosts, and those of {} are not kept any more: the figures are of what came later. \
             {KEEP_LONGER}",
            asking.calendar.span(lost)
        )];
    }
    asking.tiers.source(asking.range, made_of, began)
}
