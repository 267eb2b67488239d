use std::sync::Weak;

use super::*;
use crate::model::flow_record::{FlowRecord, LocatedFlow, Location};
use crate::model::traffic::Direction;
use crate::server::geolocation::{Geolocation, Settings};
use crate::server::transport::InProcess;

fn batch(flows: usize) -> FlowBatch {
    let nowhere = Location::default();
    let flow = LocatedFlow {
        record: FlowRecord::default(),
        source: nowhere,
        destination: nowhere,
        direction: Direction::Transit,
    };
    FlowBatch {
        oldest_received_us: 1,
        newest_received_us: 1,
        geolocation: Arc::new(Geolocation::without_databases(&Settings::default())),
        exporters: Arc::from([]),
        flows: vec![flow; flows].into(),
    }
}

#[test]
fn a_view_without_clients_lets_go_of_a_geolocation_that_was_replaced() {
    let hub = Hub::new(Limits::default(), 0);
    let watching = hub.subscribe(None, &filtered("port = 0"), None).unwrap();
    let mut counter = Counter::default();
    let before = batch(3);
    let old: Weak<Geolocation> = Arc::downgrade(&before.geolocation);
    hub.count(&[Arc::new(before)], &mut counter);
    hub.end_second(&mut counter);
    let view = Arc::clone(&watching.view);
    assert_eq!(view.snapshot(SnapshotReason::Subscribed, 0).flows.len(), 3);

    drop(watching);
    hub.count(&[Arc::new(batch(60))], &mut counter);
    assert!(old.upgrade().is_some());
    hub.end_second(&mut counter);
    // The unfiltered view has new rows for all, but still old deltas.
    let newest = counter.ground.clone().unwrap();
    hub.everything.let_go_before(&newest);
    assert!(old.upgrade().is_none());
    let snapshot = view.snapshot(SnapshotReason::Subscribed, 0);
    assert_eq!((snapshot.totals.all.flows, snapshot.sequence), (63, 2));
}

#[test]
fn a_view_with_a_client_keeps_what_the_client_has_yet_to_read() {
    let hub = Hub::new(Limits::default(), 0);
    let watching = hub.subscribe(None, &filtered("port = 0"), None).unwrap();
    let mut counter = Counter::default();
    for _ in 0..2 {
        hub.count(&[Arc::new(batch(3))], &mut counter);
        hub.end_second(&mut counter);
    }
    assert_eq!(watching.view.snapshot(SnapshotReason::Subscribed, 0).flows.len(), 6);
}

fn filtered(filter: &str) -> Subscription {
    Subscription { filter: filter.to_owned(), ..Subscription::default() }
}

#[tokio::test]
async fn a_hub_says_whether_its_task_runs_and_what_it_took() {
    let hub = Hub::new(Limits::default(), 0);
    assert!(!hub.is_running());
    let (mut batches, received) = InProcess::channel();
    let task = tokio::spawn(Arc::clone(&hub).run(received, CancellationToken::new()));
    for flows in [5, 0, 2] {
        batches.offer(batch(flows));
    }
    while hub.metrics().batches() < 3 {
        tokio::task::yield_now().await;
    }
    assert!(hub.is_running());
    assert_eq!(hub.metrics().flows(), 7);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(!hub.is_running());
}

#[test]
fn a_hub_that_panicked_does_not_run() {
    let is_running = AtomicBool::new(false);
    let panicked = std::panic::catch_unwind(|| {
        let _running = Running::begin(&is_running);
        assert!(!is_running.load(Ordering::Relaxed), "running");
    });
    assert!(panicked.is_err());
    assert!(!is_running.load(Ordering::Relaxed));
}
