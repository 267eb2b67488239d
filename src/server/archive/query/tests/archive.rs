//! Questions to an archive that takes flows, seals files, and loses some.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::UInt32Type;
use futures_util::FutureExt as _;

use crate::model::filter::Filter;
use crate::model::flow_record::FlowRecord;
use crate::model::history::Dimension;
use crate::model::time_range::TimeRange;
use crate::server::archive::query::batch::received;
use crate::server::archive::query::{Haste, Order, Queries, QueryError};
use crate::server::archive::{Archive, Settings};
use crate::server::collector::batch::FlowBatch;
use crate::server::geolocation::{self, Geolocation};
use crate::server::history::control::Control;
use crate::server::history::request::Request;

const HOUR_MS: i64 = 3_600_000;
const BEGIN_MS: i64 = 1_795_478_400_000;
/// The fewest rows of which the archive makes a file.
const FILE_ROWS: u32 = 65_536;
const EVERYTHING: TimeRange = TimeRange { from_ms: i64::MIN, to_ms: i64::MAX };

struct Sample {
    archive: Arc<Archive>,
    geolocation: Arc<Geolocation>,
    queries: Queries,
    folder: tempfile::TempDir,
    next: u32,
}

impl Sample {
    /// Two files, and a thousand flows in the tail.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            folder: folder.path().join("an archive, 50%20 full"),
            keep_s: None,
            keep_bytes: None,
            min_free_bytes: 0,
        };
        let archive = Arc::new(Archive::open(settings, BEGIN_MS).unwrap());
        let queries = Queries::new(Arc::clone(&archive), folder.path().join("spill")).unwrap();
        let geolocation = Arc::new(Geolocation::without_databases(&geolocation::Settings::default()));
        let mut sample = Self { archive, geolocation, queries, folder, next: 0 };
        sample.append(0, FILE_ROWS);
        sample.append(1, FILE_ROWS);
        sample.append(2, 1_000);
        sample.seal(2);
        assert_eq!(sample.archive.snapshot(EVERYTHING).files.len(), 2);
        sample
    }

    /// Flows of an hour, 40 of them in each millisecond, known by their observation domain.
    fn append(&mut self, hour: i64, flows: u32) {
        let records: Vec<_> = (0..flows)
            .map(|at| {
                let domain = self.next + at;
                FlowRecord {
                    observation_domain: domain,
                    source_address: IpAddr::from((domain.wrapping_mul(0x9e37_79b9) | 1).to_be_bytes()),
                    destination_address: IpAddr::from([10, 0, 0, 1]),
                    protocol: if domain.is_multiple_of(97) { 17 } else { 6 },
                    received_ms: BEGIN_MS + hour * HOUR_MS + i64::from(at / 40),
                    bytes: 1,
                    ..FlowRecord::default()
                }
            })
            .collect();
        self.next += flows;
        let mut flows = Vec::new();
        self.geolocation.locate_all(&records, &mut flows);
        let batch = FlowBatch {
            oldest_received_us: 0,
            newest_received_us: 0,
            geolocation: Arc::clone(&self.geolocation),
            exporters: Arc::from([IpAddr::from([192, 0, 2, 1])]),
            flows: flows.into(),
        };
        self.archive.append(&batch).unwrap();
    }

    fn seal(&self, hour: i64) {
        let now_ms = BEGIN_MS + hour * HOUR_MS;
        self.archive.flush(now_ms).unwrap();
        self.archive.keep(now_ms, Instant::now());
    }

    fn request() -> Request {
        Request {
            range: EVERYTHING,
            filter: Filter::ALL,
            dimensions: vec![Dimension::parse("protocol").unwrap()],
            step_ms: None,
            addresses: false,
            most: None,
        }
    }

    async fn flows(&self) -> (u64, bool) {
        let groups = self.queries.group(&Self::request(), &Control::default()).await.unwrap();
        (groups.totals.iter().map(|total| total.traffic.flows).sum(), groups.is_partial)
    }
}

#[tokio::test]
async fn pages_have_each_flow_once_while_flows_arrive_and_files_are_sealed() {
    let mut sample = Sample::new();
    let filter: Filter = "protocol = udp".parse().unwrap();
    let control = Control::default();
    let wanted: BTreeSet<u32> = (0..sample.next).filter(|domain| domain % 97 == 0).collect();
    let (mut after, mut found, mut newest_first) = (String::new(), Vec::new(), Vec::new());
    loop {
        let page = sample.queries.flows(EVERYTHING, &filter, 90, &after, &control).await.unwrap();
        assert!(page.flows.len() <= 90 && !page.is_partial);
        found.extend(page.flows.iter().map(|flow| flow.observation_domain));
        newest_first.extend(page.flows.iter().map(|flow| flow.received_ms));
        after = page.next;
        if after.is_empty() {
            break;
        }
        if found.len() <= 180 {
            // What is newer than the page moves it not; the tail, where it is, becomes a file.
            sample.append(2, 1_000 + FILE_ROWS * u32::from(found.len() == 90));
            sample.seal(3);
        }
    }
    assert!(newest_first.is_sorted_by(|one, next| one >= next));
    let once: BTreeSet<_> = found.iter().copied().collect();
    assert_eq!(once.len(), found.len(), "a flow is on two pages");
    assert!(
        wanted.is_subset(&once),
        "{:?} are on no page",
        wanted.difference(&once).take(9).collect::<Vec<_>>()
    );
    for cursor in ["1", "1.2.3.4", "a.0.1", "1.0.99999999"] {
        let error = sample.queries.flows(EVERYTHING, &filter, 1, cursor, &control).await.unwrap_err();
        assert!(matches!(error, QueryError::Cursor), "{cursor}");
    }
}

#[tokio::test]
async fn pages_smaller_than_what_one_millisecond_brought_have_each_flow_once() {
    let sample = Sample::new();
    let range = TimeRange::new(BEGIN_MS, BEGIN_MS + 4).unwrap();
    let (mut after, mut found) = (String::new(), Vec::new());
    loop {
        let page = sample.queries.flows(range, &Filter::ALL, 7, &after, &Control::default()).await.unwrap();
        found.extend(page.flows.iter().map(|flow| flow.observation_domain));
        after = page.next;
        if after.is_empty() {
            break;
        }
    }
    found.sort_unstable();
    assert_eq!(found, (0..160).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_come_in_the_order_they_were_received_in_both_directions() {
    let sample = Sample::new();
    let filter: Filter = "not protocol = udp".parse().unwrap();
    let range = TimeRange::new(BEGIN_MS + 300, BEGIN_MS + 2 * HOUR_MS + 10).unwrap();
    let is_wanted = |domain: u32| {
        let (file, at) = (domain / FILE_ROWS, domain % FILE_ROWS);
        let moment = BEGIN_MS + i64::from(file) * HOUR_MS + i64::from(at / 40);
        !domain.is_multiple_of(97) && range.contains(moment)
    };
    let wanted: BTreeSet<u32> = (0..sample.next).filter(|domain| is_wanted(*domain)).collect();
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let columns = ["observation_domain", "src_address"];
        let mut rows =
            sample.queries.rows(range, &filter, &columns, order, &Control::default()).await.unwrap();
        let (mut moments, mut domains) = (Vec::new(), BTreeMap::<u32, u32>::new());
        while let Some(batch) = rows.next().await {
            let batch = batch.unwrap();
            moments.extend(received(&batch).unwrap());
            let column = batch.column_by_name("observation_domain").unwrap().as_primitive::<UInt32Type>();
            column.values().iter().for_each(|domain| *domains.entry(*domain).or_default() += 1);
        }
        let is_right =
            |one: &i64, next: &i64| if order == Order::OldestFirst { one <= next } else { one >= next };
        assert!(moments.is_sorted_by(is_right));
        assert!(domains.values().all(|times| *times == 1) && !rows.is_partial());
        assert_eq!(domains.into_keys().collect::<BTreeSet<_>>(), wanted);
    }
}

/// Overwrites all columns; what the footer says of them stays.
fn damage(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let (rest, footer_bytes) = bytes[..bytes.len() - 4].split_last_chunk::<4>().unwrap();
    let columns = rest.len() - usize::try_from(u32::from_le_bytes(*footer_bytes)).unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(4)).unwrap();
    file.write_all(&vec![0xa5; columns - 4]).unwrap();
}

#[tokio::test]
async fn a_damaged_file_and_a_missing_one_are_left_out_and_the_answer_says_so() {
    let sample = Sample::new();
    let all = u64::from(sample.next);
    assert_eq!(sample.flows().await, (all, false));
    let paths: Vec<_> =
        sample.archive.snapshot(EVERYTHING).files.iter().map(|file| file.path.clone()).collect();
    damage(&paths[0]);
    let one_less = all - u64::from(FILE_ROWS);
    assert_eq!(sample.flows().await, (one_less, true));
    assert!(!paths[0].exists(), "it is set aside");
    assert_eq!(sample.flows().await, (one_less, true), "it is still missing");
    let old = TimeRange::new(BEGIN_MS, BEGIN_MS + 1_000).unwrap();
    let page = sample.queries.flows(old, &Filter::ALL, 10, "", &Control::default()).await.unwrap();
    assert!(page.is_partial && page.flows.is_empty());

    fs::remove_file(&paths[1]).unwrap();
    assert_eq!(sample.flows().await, (1_000, true));
    let control = Control::default();
    let rows = sample.queries.rows(EVERYTHING, &Filter::ALL, &["bytes"], Order::OldestFirst, &control);
    let (mut rows, mut count) = (rows.await.unwrap(), 0);
    while let Some(batch) = rows.next().await {
        count += batch.unwrap().num_rows();
    }
    assert_eq!((count, rows.is_partial()), (1_000, true));
    assert!(sample.folder.path().exists());
}

#[tokio::test]
async fn what_is_gathered_ends_when_there_is_enough_and_waits_for_its_turn() {
    let sample = Sample::new();
    let control = Control::default();
    let columns: &[&str] = &["received"];
    let gather = |haste| {
        let add = |batches: &mut usize, _: &RecordBatch| {
            *batches += 1;
            Ok(if *batches == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        sample.queries.gather(EVERYTHING, &Filter::ALL, columns, (|| 0_usize, add), haste, &control)
    };
    assert_eq!(gather(Haste::Glance).await.unwrap(), (2, false));
    let turns = sample.queries.gatherings.turns(Haste::Reading);
    let taken = turns.acquire_many(2).await.unwrap();
    let mut waiting = std::pin::pin!(gather(Haste::Reading));
    assert!(waiting.as_mut().now_or_never().is_none());
    // Who looks does not wait for who reads.
    assert_eq!(gather(Haste::Glance).await.unwrap(), (2, false));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(taken);
    assert_eq!(waiting.await.unwrap(), (2, false));
}

#[tokio::test]
async fn a_question_ends_when_it_is_cancelled_and_when_nobody_waits_for_it() {
    let sample = Sample::new();
    let control = Control::default();
    control.cancel.cancel();
    let error = sample.queries.group(&Sample::request(), &control).await.unwrap_err();
    assert!(matches!(error, QueryError::Cancelled));
    for _ in 0..20 {
        // Begun and dropped.
        assert!(sample.queries.group(&Sample::request(), &Control::default()).now_or_never().is_none());
    }
    let answered = tokio::time::timeout(Duration::from_secs(30), sample.flows()).await;
    assert_eq!(answered.unwrap(), (u64::from(sample.next), false));
}
