use super::*;

#[test]
fn a_snapshot_has_every_flow_once_while_segments_are_sealed_and_put_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    let mut random = Rng::with_seed(9);
    let archive = &kept.archive;
    let (appended, is_done) =
        (std::sync::atomic::AtomicU64::new(0), std::sync::atomic::AtomicBool::new(false));
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let keeper = scope.spawn(|| {
            while !is_done.load(order) {
                archive.keep(HOUR + 2 * HOUR_MS, Instant::now());
                archive.covered(0).unwrap();
            }
        });
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !is_done.load(order) || looks < 3 {
                let before = appended.load(order);
                let snapshot = archive.snapshot(EVER);
                // Files that are replaced meanwhile are still there.
                let mut numbers: Vec<u32> =
                    all_of(&snapshot).iter().map(|flow| flow.observation_domain).collect();
                numbers.sort_unstable();
                assert!(numbers.len() as u64 >= before);
                assert!(numbers.iter().zip(0..).all(|(number, at)| *number == at), "missing or twice");
                looks += 1;
            }
        });
        let mut number = 0;
        for round in 0..60 {
            let mut batch = flows(&mut random, 40, HOUR + i64::from(round));
            for flow in batch.flows.iter_mut() {
                flow.record.observation_domain = number;
                number += 1;
            }
            archive.append(&batch).unwrap();
            appended.store(number.into(), order);
            if round % 4 == 3 {
                archive.flush(HOUR).unwrap();
                archive.rotate(&mut lock(&archive.log)).unwrap();
            }
        }
        is_done.store(true, order);
        keeper.join().unwrap();
        reader.join().unwrap();
    });
    kept.truth = stored(&kept.archive);
    assert_eq!(kept.truth.len(), 2_400);
}

#[test]
fn a_range_gets_only_the_files_that_have_flows_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    for hour in 0..3 {
        kept.append(10, HOUR + hour * HOUR_MS);
        kept.close();
        kept.keep();
    }
    kept.append(10, HOUR + 3 * HOUR_MS);
    let files = |from_ms, to_ms| {
        let snapshot = kept.archive.snapshot(TimeRange { from_ms, to_ms });
        (snapshot.files.len(), snapshot.tail.len())
    };
    assert_eq!(files(HOUR, HOUR + HOUR_MS), (1, 0));
    assert_eq!(files(HOUR + HOUR_MS - 1, HOUR + 2 * HOUR_MS), (1, 0));
    assert_eq!(files(HOUR + HOUR_MS, i64::MAX), (2, 1));
    assert_eq!(files(i64::MIN, HOUR), (0, 0));
}

fn replayed(archive: &Archive, position: u64) -> (Vec<StoredFlow>, Option<u64>, u64) {
    let mut replay = archive.rows_from(position);
    let (mut flows, mut end) = (Vec::new(), None);
    for part in replay.by_ref() {
        let part = part.unwrap();
        flows.extend(part.flows);
        end = part.end_position.or(end);
    }
    (flows, end, replay.skipped)
}

#[test]
fn rows_from_a_position_come_in_order_as_long_as_the_rollups_have_not_counted_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.append(5_000, HOUR);
    kept.close();
    kept.append(4_500, HOUR);
    kept.archive.flush(HOUR).unwrap();
    kept.append(20, HOUR);
    kept.archive.flush(HOUR).unwrap();
    let from = |archive: &Archive, position: usize| {
        let (flows, end, skipped) = replayed(archive, position as u64);
        assert!(flows == kept.truth[position..], "flows from {position} on differ");
        assert_eq!(skipped, 0);
        assert_eq!(end, (position < 9_520).then_some(9_520));
    };
    for position in [0, 1, 4_095, 4_096, 4_999, 5_000, 9_500, 9_519, 9_520] {
        from(&kept.archive, position);
    }
    kept.keep();
    for position in [0, 1, 4_999, 5_000, 9_519] {
        from(&kept.archive, position);
    }
    kept.archive.covered(4_999).unwrap();
    kept.keep();
    from(&kept.archive, 4_999);

    // What is counted needs no order any more: it can be had as a whole, or not.
    kept.archive.covered(5_000).unwrap();
    kept.keep();
    from(&kept.archive, 5_000);
    let (flows, end, skipped) = replayed(&kept.archive, 0);
    assert_same(flows, &kept.truth);
    assert_eq!((end, skipped), (Some(9_520), 0));
    let (flows, _, skipped) = replayed(&kept.archive, 10);
    assert_eq!((flows.len(), skipped), (4_520, 4_990));
}

#[test]
fn a_second_process_is_told_that_the_archive_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Kept::open(folder.path());
    let error = Archive::open(settings(folder.path()), HOUR).unwrap_err();
    assert!(matches!(error, ArchiveError::InUse { .. }), "{error}");
}

#[test]
fn the_keeper_seals_by_itself_and_ends_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.append(10, HOUR);
    let archive = Arc::new(kept.archive);
    let keeper = Keeper::start(Arc::clone(&archive)).unwrap();
    archive.rotate(&mut lock(&archive.log)).unwrap();
    let begin = Instant::now();
    while archive.snapshot(EVER).files.is_empty() {
        assert!(begin.elapsed() < Duration::from_mins(1), "nothing is sealed");
        std::thread::yield_now();
    }
    drop(keeper);
    assert_eq!(Arc::strong_count(&archive), 1);
    assert_same(stored(&archive), &kept.truth);
}

#[test]
fn a_full_chunk_of_the_tail_is_made_into_columns_once_and_is_forgotten_when_it_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::open(folder.path());
    let mut random = Rng::with_seed(2);
    let archive = &kept.archive;
    for _ in 0..9 {
        archive.append(&flows(&mut random, 8_192, HOUR)).unwrap();
    }
    let values = |snapshot: &Snapshot| -> Vec<_> {
        snapshot.tail.iter().map(|batch| batch.column(0).to_data().buffers()[0].as_ptr()).collect()
    };
    let (first, second) = (archive.snapshot(EVER), archive.snapshot(EVER));
    let (first, second) = (values(&first), values(&second));
    assert_eq!(first.len(), 2);
    assert_eq!(first[0], second[0], "the full one is the same");
    assert_ne!(first[1], second[1], "the other one still grows");

    archive.rotate(&mut lock(&archive.log)).unwrap();
    for _ in 0..2 {
        archive.keep(HOUR, Instant::now());
    }
    assert!(archive.snapshot(EVER).tail.is_empty());
    assert_eq!(lock(&archive.tail).kept(), 0);
}
