//! `meridian report`: writes a report into a file, while a Meridian runs or not.
//!
//! It is made of a copy of the flow records and the sums as they were at one moment: what was on disk when it began.
//! Flow records that the sums of that moment do not have yet are added in memory. The copy is in the data folder and
//! goes away at the end.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use tokio_util::sync::CancellationToken;

use self::asked::asked;
use super::content;
use super::order::Asked;
use super::pdf::{self, Look};
use crate::model::report::Report;
use crate::model::time_range::TimeRange;
use crate::server::archive::query::Queries;
use crate::server::archive::{Archive, Settings};
use crate::server::config::Config;
use crate::server::config::flags::{ReportFlags, ReportFormat};
use crate::server::export::Copy;
use crate::server::geolocation::{Current, Geolocation};
use crate::server::history::answers::History;
use crate::server::history::error::QuestionError;
use crate::server::history::naming::Naming;
use crate::server::history::opening::Kept;
use crate::server::history::planner::Tiers;
use crate::server::store::{FILE_NAME, Retention, Store};
use crate::server::{RunError, load_geolocation};

mod asked;

/// Writes the report that the flags ask for.
pub async fn write(
    config: &Config,
    flags: &ReportFlags,
    now_ms: i64,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let asked = asked(flags, &config.reports, now_ms).map_err(refused)?;
    let is_to_terminal = is_standard(&flags.out) && io::stdout().is_terminal();
    if is_to_terminal && flags.format == ReportFormat::Pdf {
        return Err(RunError::Usage("a PDF is not for terminals: name a file with --out".to_owned()));
    }
    if !is_standard(&flags.out) && flags.out.exists() {
        return Err(taken(&flags.out));
    }
    let report = tokio::select! {
        report = make(config, &asked, now_ms) => report?,
        () = stop.cancelled() => return Err(RunError::Failed(anyhow!("interrupted: no report was written"))),
    };
    let bytes = match flags.format {
        ReportFormat::Json => serde_json::to_vec_pretty(&report).context("cannot write the report")?,
        ReportFormat::Pdf => {
            let look = Look::of(&config.reports);
            let look = Look { page: flags.page.unwrap_or(look.page), ..look };
            pdf::write(&report, &look).context("cannot write the report")?
        }
    };
    deliver(&flags.out, &bytes)
}

fn is_standard(out: &Path) -> bool {
    out == Path::new("-")
}

fn taken(out: &Path) -> RunError {
    RunError::Input(format!("{} is there already: name a new file with --out", out.display()))
}

fn deliver(out: &Path, bytes: &[u8]) -> Result<(), RunError> {
    if is_standard(out) {
        let mut stdout = io::stdout().lock();
        return match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written.context("cannot write")?),
        };
    }
    let mut file = File::create_new(out).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(out),
        _ => RunError::Input(format!("cannot write {}: {error}", out.display())),
    })?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a report is none.
        let removed = fs::remove_file(out);
        tracing::debug!(?removed, "removed what was written of the report");
        return Err(RunError::Failed(
            anyhow::Error::from(error).context(format!("cannot write {}", out.display())),
        ));
    }
    Ok(())
}

async fn make(config: &Config, asked: &Asked, now_ms: i64) -> Result<Report, RunError> {
    if !config.data_dir.join(FILE_NAME).exists() && !config.archive_folder().is_dir() {
        let folder = config.data_dir.display();
        return Err(RunError::Input(format!(
            "there is no history in {folder}: name the data folder with --data-dir"
        )));
    }
    let geolocation = load_geolocation(config).await?;
    let copy = Copy::with_sums(config).await.context("cannot read the history")?;
    let (tiers, store) = open(&copy, now_ms).await.context("cannot read the history")?;
    let kept = extent(&tiers, &store).await.context("cannot read the history")?;
    let range = asked.question.range;
    if kept.is_none_or(|kept| kept.intersection(range).is_none()) {
        return Err(RunError::Input(nothing(asked, kept)));
    }
    answer(tiers, &geolocation, asked, now_ms).await.map_err(refused)
}

/// What to say of a question that is not answered.
fn refused(error: QuestionError) -> RunError {
    match error {
        QuestionError::Filter(error) => {
            RunError::Usage(format!("the filter, character {}: {error}", error.position + 1))
        }
        QuestionError::Invalid(text) => RunError::Usage(text),
        QuestionError::Unavailable(text) => RunError::Input(text),
        error => RunError::Failed(anyhow::Error::from(error)),
    }
}

/// What to say of a period of which nothing is kept.
fn nothing(asked: &Asked, kept: Option<TimeRange>) -> String {
    let Asked { question, calendar } = asked;
    let Some(kept) = kept else {
        return "nothing was collected yet: there is no flow record and no sum".to_owned();
    };
    format!(
        "nothing is kept of {}: name a period between {} and {} ({})",
        calendar.label(question.period, question.range),
        calendar.moment(kept.from_ms),
        calendar.moment(kept.to_ms),
        calendar.name()
    )
}

async fn answer(
    tiers: Tiers,
    geolocation: &Arc<Current>,
    asked: &Asked,
    now_ms: i64,
) -> Result<Report, QuestionError> {
    let names: Arc<Geolocation> = geolocation.load();
    let naming = Naming::new(names, Arc::default(), None);
    let history = History::new(Arc::new(Kept::from(tiers)), Arc::clone(geolocation));
    content::make(&history, &naming, &asked.question, now_ms).await
}

/// Opens a copy, and adds what its sums do not have yet.
async fn open(copy: &Copy, now_ms: i64) -> anyhow::Result<(Tiers, Arc<Store>)> {
    let settings =
        Settings { folder: copy.folder().join("archive"), keep_s: None, keep_bytes: None, min_free_bytes: 0 };
    let archive = Arc::new(Archive::open(settings, now_ms)?);
    let keep = Retention { minutes: None, hours: None, days: None };
    let (store, _) = Store::open(copy.folder(), keep, now_ms).await?;
    let store = Arc::new(store);
    for replayed in archive.rows_from(store.position()) {
        let replayed = replayed?;
        let from = store.position();
        store.add_stored(&replayed.flows, from);
        if let Some(end) = replayed.end_position
            && store.position() < end
        {
            store.add_stored(&[], end);
        }
        if store.is_full() {
            store.commit(now_ms).await?;
        }
    }
    store.commit(now_ms).await?;
    let queries = Queries::new(Arc::clone(&archive), copy.folder().join("spill"))?;
    Ok((Tiers::new(archive, queries, Arc::clone(&store)), store))
}

/// From when to when something is kept.
async fn extent(tiers: &Tiers, store: &Store) -> anyhow::Result<Option<TimeRange>> {
    let sums = store.status().await?;
    let archived = tiers.archive().status().tier.range;
    let ranges = sums.iter().filter_map(|status| status.range).chain(archived);
    Ok(ranges.reduce(|one, other| TimeRange {
        from_ms: one.from_ms.min(other.from_ms),
        to_ms: one.to_ms.max(other.to_ms),
    }))
}
