//! When countries and autonomous systems of outside ends were first seen, in the whole history.
//!
//! Kept to the minute, in a table that outlives the sums; what was first seen before there was this table is as fine as the
//! sums that were left. Bounded: autonomous systems beyond [`MOST`] are not followed, and the answer says so.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;
use sqlx::{Connection as _, SqliteConnection};

use super::block::read_sums;
use super::database::{StoreError, failed};
use super::key::{EndKey, Family, Key, country_of};
use super::pending::Pending;
use super::progress::{TIERS, bucket_minutes, floor, tier_number};
use super::writing::blocks;
use crate::model::filter::End;
use crate::model::history::Tier;
use crate::model::time_range::TimeRange;
use crate::server::history::groups::Value;

/// Countries and autonomous systems that are followed: more than twice the autonomous systems there are.
const MOST: usize = 1 << 18;
/// In its first hour everything is new to the history.
const LEARNING_MINUTES: i64 = 60;
/// The families that are looked through, with what each tells.
const FAMILIES: [(Family, Kind); 2] =
    [(Family::Country, Kind::Country), (Family::AsNumber, Kind::AutonomousSystem)];

/// What can be new. Its number is part of the stored format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
enum Kind {
    Country = 1,
    AutonomousSystem = 2,
}

impl Kind {
    /// What an end has of it; `None` when that is not known.
    fn of(self, end: EndKey) -> Option<Newcomer> {
        let number = match self {
            Self::Country => u32::from(end.country),
            Self::AutonomousSystem => end.as_number,
        };
        (number != 0).then_some((self, number))
    }
}

type Newcomer = (Kind, u32);

/// A bucket of time: minutes since 1970, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    start: i64,
    minutes: i64,
}

impl Bucket {
    const fn range(self) -> TimeRange {
        let from_ms = self.start.saturating_mul(60_000);
        TimeRange { from_ms, to_ms: from_ms.saturating_add(self.minutes.saturating_mul(60_000)) }
    }

    /// Whether it says that something was seen earlier than the other says, or the same more finely.
    const fn says_more_than(self, other: Self) -> bool {
        let is_within = other.start <= self.start && self.start < other.start + other.minutes;
        self.start < other.start || is_within && self.minutes < other.minutes
    }
}

type Moments = HashMap<Newcomer, Bucket, RandomState>;

/// What was seen when, as the database has it.
#[derive(Debug, Default)]
pub(super) struct FirstSeen {
    moments: Moments,
}

/// What was seen for the first time in a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Newcomers {
    /// Countries and numbers of autonomous systems, with the bucket of time.
    pub seen: Vec<(Value, TimeRange)>,
    /// When anything was first seen, milliseconds since 1970.
    pub begin_ms: Option<i64>,
    /// The newest moment of which there may be flows.
    pub newest_ms: Option<i64>,
    /// True when there were too many to be followed.
    pub is_full: bool,
}

impl FirstSeen {
    /// What the database has.
    pub(super) async fn read(database: &mut SqliteConnection) -> Result<Self, StoreError> {
        type Row = (i64, i64, i64, i64);
        let rows: Vec<Row> = sqlx::query_as("SELECT kind, number, start, minutes FROM first_seen")
            .fetch_all(database)
            .await
            .map_err(failed("read"))?;
        let moments = rows.into_iter().filter_map(|(kind, number, start, minutes)| {
            let kind = [Kind::Country, Kind::AutonomousSystem]
                .into_iter()
                .find(|known| i64::from(*known as u8) == kind)?;
            Some(((kind, u32::try_from(number).ok()?), Bucket { start, minutes }))
        });
        Ok(Self { moments: moments.take(MOST).collect() })
    }

    /// What a part has seen before, or besides, what is known.
    pub(super) fn news(&self, part: &Pending) -> News {
        let mut found = Moments::default();
        for (minute, sums) in &part.minutes {
            let bucket = Bucket { start: *minute, minutes: 1 };
            for (family, kind) in FAMILIES {
                let Some(sums) = sums.families.get(usize::from(family.number())) else { continue };
                for newcomer in sums.keys().flat_map(|key| outside(key, kind)) {
                    let known = found.get(&newcomer).or_else(|| self.moments.get(&newcomer));
                    if known.is_none_or(|known| bucket.says_more_than(*known)) {
                        found.insert(newcomer, bucket);
                    }
                }
            }
        }
        let room = MOST.saturating_sub(self.moments.len());
        let mut used = 0;
        found.retain(|newcomer, _| {
            let is_known = self.moments.contains_key(newcomer);
            used += usize::from(!is_known);
            is_known || used <= room
        });
        News(found)
    }

    /// The news are in the database now.
    pub(super) fn take(&mut self, news: News) {
        self.moments.extend(news.0);
    }

    /// What was first seen in a range, with what is not in the database yet, after the first hour of the history.
    pub(super) fn within<'p>(
        &self,
        range: TimeRange,
        parts: impl Iterator<Item = &'p Pending>,
        newest_ms: Option<i64>,
    ) -> Newcomers {
        let mut latest = Moments::default();
        for part in parts {
            for (newcomer, bucket) in self.news(part).0 {
                let known = latest.entry(newcomer).or_insert(bucket);
                if bucket.says_more_than(*known) {
                    *known = bucket;
                }
            }
        }
        let known = self.moments.iter().filter(|(newcomer, _)| !latest.contains_key(*newcomer));
        let all = || known.clone().chain(&latest);
        let Some(begin) = all().map(|(_, bucket)| bucket.start).min() else {
            return Newcomers { newest_ms, ..Newcomers::default() };
        };
        let is_new =
            |bucket: &Bucket| bucket.start >= begin.saturating_add(bucket.minutes.max(LEARNING_MINUTES));
        let mut seen: Vec<(Value, TimeRange)> = all()
            .filter(|(_, bucket)| is_new(bucket) && bucket.range().intersection(range).is_some())
            .map(|((kind, number), bucket)| {
                let value = match kind {
                    Kind::Country => Value::Country(u16::try_from(*number).ok().and_then(country_of)),
                    Kind::AutonomousSystem => Value::Number(u64::from(*number)),
                };
                (value, bucket.range())
            })
            .collect();
        seen.sort_unstable_by(|(value, range), (other, later)| {
            range.from_ms.cmp(&later.from_ms).then_with(|| value.cmp(other))
        });
        let is_full = self.moments.len() >= MOST;
        Newcomers { seen, begin_ms: Some(begin.saturating_mul(60_000)), newest_ms, is_full }
    }
}

/// What was seen and is not in the database yet.
#[derive(Debug, Default)]
pub(super) struct News(Moments);

impl News {
    pub(super) async fn write(&self, database: &mut SqliteConnection) -> Result<(), StoreError> {
        for ((kind, number), bucket) in &self.0 {
            sqlx::query(
                "INSERT OR REPLACE INTO first_seen (kind, number, start, minutes) VALUES (?, ?, ?, ?)",
            )
            .bind(*kind as u8)
            .bind(number)
            .bind(bucket.start)
            .bind(bucket.minutes)
            .execute(&mut *database)
            .await
            .map_err(failed("write"))?;
        }
        Ok(())
    }
}

/// Looks once through the sums of a database that is older than the table.
pub(super) async fn fill(database: &mut SqliteConnection) -> Result<(), StoreError> {
    let is_filled: i64 = sqlx::query_scalar("SELECT has_first_seen FROM progress")
        .fetch_one(&mut *database)
        .await
        .map_err(failed("read"))?;
    if is_filled != 0 {
        return Ok(());
    }
    let mut transaction = database.begin().await.map_err(failed("write"))?;
    let mut found = News::default();
    let mut coarser = None;
    for tier in TIERS.into_iter().rev() {
        for (family, kind) in FAMILIES {
            look_through(&mut transaction, &mut found.0, tier, coarser, family, kind).await?;
        }
        coarser = Some(tier);
    }
    found.write(&mut transaction).await?;
    sqlx::query("UPDATE progress SET has_first_seen = 1")
        .execute(&mut *transaction)
        .await
        .map_err(failed("write"))?;
    transaction.commit().await.map_err(failed("write"))
}

/// Looks through the buckets of a tier: those of which the coarser tier has none, or one in which something was new.
async fn look_through(
    database: &mut SqliteConnection,
    found: &mut Moments,
    tier: Tier,
    coarser: Option<Tier>,
    family: Family,
    kind: Kind,
) -> Result<(), StoreError> {
    let starts = starts(database, tier, family).await?;
    let mut passed = BTreeSet::new();
    if let Some(coarser) = coarser {
        passed = starts_of(database, coarser, family).await?;
        for ((_, _), bucket) in found.iter().filter(|((of, _), _)| *of == kind) {
            passed.remove(&bucket.start);
        }
    }
    for start in starts {
        if coarser.is_some_and(|coarser| passed.contains(&floor(start, coarser))) {
            continue;
        }
        let bucket = Bucket { start, minutes: bucket_minutes(tier) };
        for block in blocks(database, tier, family.number(), start, start.saturating_add(1)).await? {
            let Ok(rows) = read_sums(&block) else {
                tracing::warn!(
                    start,
                    "{} that cannot be read are left out of what was first seen",
                    tier.name()
                );
                continue;
            };
            for newcomer in rows.iter().flat_map(|(key, _)| outside(key, kind)) {
                let known = found.get(&newcomer);
                let has_room = known.is_some() || found.len() < MOST;
                if has_room && known.is_none_or(|known| bucket.says_more_than(*known)) {
                    found.insert(newcomer, bucket);
                }
            }
        }
    }
    Ok(())
}

async fn starts(database: &mut SqliteConnection, tier: Tier, family: Family) -> Result<Vec<i64>, StoreError> {
    sqlx::query_scalar("SELECT start FROM sums WHERE tier = ? AND family = ? ORDER BY start")
        .bind(tier_number(tier))
        .bind(family.number())
        .fetch_all(database)
        .await
        .map_err(failed("read"))
}

async fn starts_of(
    database: &mut SqliteConnection,
    tier: Tier,
    family: Family,
) -> Result<BTreeSet<i64>, StoreError> {
    Ok(starts(database, tier, family).await?.into_iter().collect())
}

/// What the outside ends of a row have.
fn outside(key: &Key, kind: Kind) -> impl Iterator<Item = Newcomer> {
    let ends = if key.is_rest {
        [None, None]
    } else {
        End::Outside.of(key.direction(), key.source, key.destination)
    };
    ends.into_iter().flatten().filter_map(move |end| kind.of(end))
}
