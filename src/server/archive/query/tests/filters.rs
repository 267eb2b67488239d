//! A filter lets the same flows pass wherever it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::datatypes::UInt32Type;
use fastrand::Rng;
use futures_util::StreamExt as _;

use super::sample::{self, BEGIN_MS, LENGTH_MS, Places};
use crate::model::filter::Filter;
use crate::model::flow_record::LocatedFlow;
use crate::model::time_range::TimeRange;
use crate::server::archive::query::scan::{Scanner, Source};

const FLOWS: usize = 1_000;
const FILTERS: usize = 2_000;

async fn passing(
    scanner: &Scanner,
    source: &Source,
    range: TimeRange,
    filter: &Filter,
) -> BTreeMap<u32, usize> {
    let condition = scanner.condition(source, range, filter);
    let plan = scanner.plan(source, &["observation_domain"], condition).unwrap();
    let mut batches = plan.execute(0, scanner.context()).unwrap();
    let mut rows = BTreeMap::new();
    while let Some(batch) = batches.next().await {
        let batch = batch.unwrap();
        for row in batch.column(0).as_primitive::<UInt32Type>().values() {
            *rows.entry(*row).or_default() += 1;
        }
    }
    rows
}

#[tokio::test]
async fn every_filter_lets_the_same_flows_pass_in_files_and_in_the_tail_as_in_the_live_feed() {
    let folder = tempfile::tempdir().unwrap();
    let scanner = Scanner::new(folder.path().to_owned(), 64 << 20).unwrap();
    let mut rng = Rng::with_seed(7);
    let flows: Vec<LocatedFlow> = (0..FLOWS)
        .map(|at| {
            let mut flow = sample::flow(&mut rng);
            // What a flow is known by.
            flow.record.observation_domain = u32::try_from(at).unwrap();
            flow
        })
        .collect();
    let file = Source::File(Arc::new(sample::file(folder.path(), "a.parquet", &flows, 0)));
    let tail = Source::tail(&flows.chunks(700).map(sample::batch).collect::<Vec<_>>()).unwrap().unwrap();
    let (mut none, mut all) = (0, 0);
    for _ in 0..FILTERS {
        let text = sample::filter(&mut rng);
        let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let from_ms = BEGIN_MS + if rng.bool() { 0 } else { rng.i64(0..LENGTH_MS / 2) };
        let range = TimeRange::new(from_ms, from_ms + LENGTH_MS).unwrap();
        let expected: BTreeMap<u32, usize> = flows
            .iter()
            .filter(|flow| range.contains(flow.record.received_ms) && filter.matches(flow, &Places))
            .map(|flow| (flow.record.observation_domain, 1))
            .collect();
        none += usize::from(expected.is_empty());
        all += usize::from(expected.len() == FLOWS);
        assert_eq!(passing(&scanner, &file, range, &filter).await, expected, "in a file: {text}");
        assert_eq!(passing(&scanner, &tail, range, &filter).await, expected, "in the tail: {text}");
    }
    assert!(none + all < FILTERS / 2, "{none} filters let nothing pass, {all} everything");
}
