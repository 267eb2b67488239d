use super::*;

fn arrivals(numbers: &[(u32, u32)]) -> Vec<Arrival> {
    let mut sequence = Sequence::default();
    numbers.iter().map(|&(number, units)| sequence.advance(number, Some(units), 1000)).collect()
}

#[test]
fn records_sent_before_the_datagram_are_in_order_even_across_the_wrap() {
    let numbers = [(u32::MAX - 9, 10), (0, 5), (5, 0), (5, 7), (12, 1)];
    assert!(arrivals(&numbers).iter().all(|arrival| *arrival == Arrival::InOrder));
}

#[test]
fn a_forward_jump_is_a_gap_and_an_overtaken_datagram_gives_it_back() {
    assert_eq!(
        arrivals(&[(0, 10), (30, 10), (10, 10), (20, 10), (40, 10)])[1..],
        [Arrival::Gap(20), Arrival::Late(10), Arrival::Late(10), Arrival::InOrder]
    );
}

#[test]
fn an_overtaken_datagram_gives_back_only_what_it_fills_and_only_once() {
    assert_eq!(
        arrivals(&[(0, 10), (20, 10), (15, 10), (15, 10), (10, 5), (10, 10)])[1..],
        [Arrival::Gap(10), Arrival::Late(5), Arrival::InOrder, Arrival::Late(5), Arrival::InOrder]
    );
}

#[test]
fn a_large_jump_back_is_a_restart_without_a_gap() {
    assert_eq!(
        arrivals(&[(500_000, 10), (0, 10), (10, 10), (25, 10)])[1..],
        [Arrival::InOrder, Arrival::InOrder, Arrival::Gap(5)]
    );
}

#[test]
fn a_small_jump_back_is_a_restart_when_others_follow() {
    let mut numbers: Vec<_> = (0..20).map(|index| (index * 10, 10)).collect();
    numbers.extend((0..6).map(|index| (index * 10, 10)));
    numbers.push((70, 10));
    let arrivals = arrivals(&numbers);
    assert_eq!(arrivals.last(), Some(&Arrival::Gap(10)));
    assert!(arrivals[..26].iter().all(|arrival| *arrival == Arrival::InOrder));
}

#[test]
fn one_stray_number_is_neither_a_restart_nor_a_loss() {
    for stray in [7, 5_000_000, 3_000_000_000] {
        let numbers = [(5_000_000, 10), (5_000_010, 10), (stray, 10), (5_000_020, 10)];
        assert!(arrivals(&numbers).iter().all(|arrival| *arrival == Arrival::InOrder), "{stray}");
    }
}

#[test]
fn a_number_that_includes_its_own_datagram_is_no_endless_loss() {
    let numbers = [(19, 19), (45, 26), (72, 27), (98, 26), (150, 26)];
    let expected = [Arrival::InOrder, Arrival::InOrder, Arrival::InOrder, Arrival::Gap(26)];
    assert_eq!(arrivals(&numbers)[1..], expected);
}

#[test]
fn records_that_an_exporter_does_not_number_are_neither_late_nor_a_loss() {
    // softflowd: options records, here one in the first and one in the fifth datagram.
    let inclusive = [(23, 24), (54, 31), (86, 32), (117, 31), (140, 24), (171, 31), (209, 31)];
    assert_eq!(arrivals(&inclusive)[1..6], [Arrival::InOrder; 5]);
    assert_eq!(arrivals(&inclusive)[6], Arrival::Gap(7));
    // One that counts datagrams where records are due.
    let numbers: Vec<_> = (0..50).map(|number| (number, 20)).collect();
    assert!(arrivals(&numbers).iter().all(|arrival| *arrival == Arrival::InOrder));
}

#[test]
fn a_gap_that_looks_like_the_other_way_of_numbering_is_counted_when_it_is_known_to_be_none() {
    let mut sequence = Sequence::default();
    let numbers = [(100, 10), (110, 10), (122, 12), (134, 5)];
    let changes = numbers.map(|(number, units)| sequence.take(number, Content::known(units), 1000));
    assert_eq!(changes.map(|change| change.missing), [0, 0, 0, 2]);
}

#[test]
fn a_number_that_never_moves_is_no_loss_and_no_duplicate() {
    let mut sequence = Sequence::default();
    for _ in 0..100 {
        assert!(!sequence.is_duplicate(0, 7));
        assert_eq!(sequence.take(0, Content::known(3), 1000), Change::default());
    }
}

#[test]
fn a_number_that_moves_only_now_and_then_makes_no_duplicates() {
    let mut sequence = Sequence::default();
    for number in 0..100 {
        for _ in 0..3 {
            assert!(!sequence.is_duplicate(number, u64::from(number)));
            sequence.take(number, Content::known(1), 128);
        }
    }
}

#[test]
fn the_same_number_with_other_content_is_no_duplicate() {
    let mut sequence = Sequence::default();
    let mut is_duplicate = |number, fingerprint| {
        let is_duplicate = sequence.is_duplicate(number, fingerprint);
        if !is_duplicate {
            sequence.take(number, Content::known(1), 128);
        }
        is_duplicate
    };
    assert!([0, 1, 2, 3].iter().all(|&number| !is_duplicate(number, u64::from(number))));
    assert!(is_duplicate(3, 3) && is_duplicate(2, 2) && is_duplicate(3, 3));
    assert!(!is_duplicate(2, 9) && !is_duplicate(4, 3));
}

#[test]
fn what_waits_is_uncertain_until_it_is_decoded_and_the_rest_is_missing() {
    let waiting = |waiting| Content { units: 2, waiting, is_spoilt: false };
    let mut sequence = Sequence::default();
    sequence.take(0, waiting(2), 1000);
    let change = sequence.take(30, Content::known(5), 1000);
    assert_eq!((change.missing, change.uncertain), (0, 28));
    assert_eq!(sequence.take(10, Content::known(3), 1000).uncertain, -3);
    assert_eq!(sequence.resolve(0, Content::known(4)).uncertain, -4);
    let change = sequence.resolve(0, Content::known(6));
    assert_eq!((change.missing, change.uncertain, change.gaps), (15, -21, 1));
    // One more that was overtaken meanwhile.
    assert_eq!(sequence.take(20, Content::known(5), 1000).missing, -5);
}

#[test]
fn what_is_decoded_before_the_next_datagram_comes_was_never_uncertain() {
    let mut sequence = Sequence::default();
    sequence.take(0, Content { units: 0, waiting: 1, is_spoilt: false }, 1000);
    assert_eq!(sequence.resolve(0, Content::known(8)), Change::default());
    let change = sequence.take(10, Content::known(1), 1000);
    assert_eq!((change.missing, change.uncertain), (2, 0));
}

#[test]
fn what_cannot_be_decoded_stays_uncertain_and_its_end_is_where_the_next_begins() {
    let mut sequence = Sequence::default();
    sequence.take(0, Content { units: 3, waiting: 0, is_spoilt: true }, 1000);
    let change = sequence.take(10, Content::known(1), 1000);
    assert_eq!((change.missing, change.uncertain), (0, 7));
    assert_eq!(sequence.take(20, Content::known(1), 1000).missing, 9);
}

#[test]
fn what_passed_while_stopped_is_not_missing_and_a_number_of_before_is_a_restart() {
    let mut sequence = Sequence::default();
    sequence.take(100, Content::known(10), 1000);
    let saved = sequence.saved().unwrap();
    let mut resumed = Sequence::resume(saved);
    assert!(!resumed.has_restarted_since(500, 1000));
    let change = resumed.take(500, Content::known(10), 1000);
    assert_eq!((change.missing, change.stopped), (0, 390));
    assert_eq!(resumed.take(490, Content::known(10), 1000).stopped, -10);
    assert_eq!(resumed.take(520, Content::known(10), 1000).missing, 10);

    // A long stop of a busy exporter.
    let mut busy = Sequence::resume(saved);
    assert!(!busy.has_restarted_since(1_000_000_110, 1000));
    assert_eq!(busy.take(1_000_000_110, Content::known(10), 1000).stopped, 1_000_000_000);

    let mut restarted = Sequence::resume(SavedSequence { number: 1_000_000, edge: 1_000_010, ..saved });
    assert!(restarted.has_restarted_since(0, 1000));
    restarted.take(0, Content::known(10), 1000);
    assert_eq!(restarted.take(15, Content::known(10), 1000).missing, 5);
}

/// A datagram as a model sends it.
#[derive(Clone, Copy)]
struct Sent {
    number: u32,
    units: u32,
    fingerprint: u64,
}

struct Sending {
    next: u32,
    is_inclusive: bool,
    counts_datagrams: bool,
}

impl Sending {
    fn datagrams(&mut self, random: &mut fastrand::Rng, count: usize) -> Vec<Sent> {
        let mut next = || {
            let units = if self.counts_datagrams { 1 } else { random.u32(0..30) };
            let before = self.next;
            self.next = before.wrapping_add(units);
            let number = if self.is_inclusive { self.next } else { before };
            Sent { number, units, fingerprint: random.u64(..) }
        };
        (0..count).map(|_| next()).collect()
    }
}

/// What a network does to datagrams: each is removed, sent twice, overtaken by up to `distance` others, or not.
fn relayed(sent: &[Sent], random: &mut fastrand::Rng, distance: u32) -> (Vec<Sent>, i64, u64) {
    let (mut lost, mut twice) = (0, 0);
    let mut arriving = Vec::new();
    for (position, datagram) in (0_u32..).zip(sent) {
        let delay = if random.u8(..100) < 5 { random.u32(0..distance) } else { 0 };
        match random.u8(..100) {
            0..5 => lost += i64::from(datagram.units),
            5..10 => {
                twice += u64::from(datagram.units > 0);
                arriving.push((position + delay, *datagram));
                arriving.push((position + random.u32(0..distance), *datagram));
            }
            _ => arriving.push((position + delay, *datagram)),
        }
    }
    arriving.sort_by_key(|(position, _)| *position);
    (arriving.into_iter().map(|(_, datagram)| datagram).collect(), lost, twice)
}

#[test]
fn under_loss_reordering_and_duplication_missing_is_what_was_lost_and_nothing_else() {
    for seed in 0..400 {
        let mut random = fastrand::Rng::with_seed(seed);
        let counts_datagrams = seed % 4 == 0;
        let is_inclusive = seed % 4 == 1;
        let mut sending = Sending { next: random.u32(..), is_inclusive, counts_datagrams };
        // What a session begins and ends with is unharmed: loss at its end shows in no number.
        let first = sending.datagrams(&mut random, 20);
        let middle = sending.datagrams(&mut random, 600);
        let last = sending.datagrams(&mut random, 20);
        let (harmed, removed, twice) = relayed(&middle, &mut random, 20);
        let mut sequence = Sequence::default();
        let window = if counts_datagrams { 128 } else { 4096 };
        let (mut missing, mut duplicates) = (0, 0);
        for datagram in first.iter().chain(&harmed).chain(&last) {
            if sequence.is_duplicate(datagram.number, datagram.fingerprint) {
                duplicates += 1;
                continue;
            }
            let change = sequence.take(datagram.number, Content::known(datagram.units), window);
            assert_eq!((change.uncertain, change.stopped), (0, 0), "seed {seed}");
            missing += change.missing;
        }
        assert_eq!((missing, duplicates), (removed, twice), "seed {seed}");
    }
}

#[test]
fn with_sets_that_wait_all_units_are_received_missing_or_uncertain_at_any_time() {
    for seed in 0..400 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut sending = Sending { next: random.u32(..), is_inclusive: false, counts_datagrams: false };
        let first = sending.datagrams(&mut random, 20);
        let middle = sending.datagrams(&mut random, 400);
        let last = sending.datagrams(&mut random, 20);
        let all: i64 = first.iter().chain(&middle).chain(&last).map(|sent| i64::from(sent.units)).sum();
        let (harmed, removed, _) = relayed(&middle, &mut random, 20);
        // What the very last datagram holds shows in no later number.
        let end = last[last.len() - 1].fingerprint;
        // In every second round some sets are given up in the end.
        let gives_up = seed % 2 == 1;
        let mut sequence = Sequence::default();
        let (mut received, mut sum) = (0, Change::default());
        let mut waiting: Vec<(u32, u32)> = Vec::new();
        let add = |sum: &mut Change, change: Change| {
            sum.missing += change.missing;
            sum.uncertain += change.uncertain;
            assert_eq!(change.stopped, 0);
        };
        for datagram in first.iter().chain(&harmed).chain(&last) {
            if sequence.is_duplicate(datagram.number, datagram.fingerprint) {
                continue;
            }
            let mut content = Content::known(datagram.units);
            if datagram.units > 10 && datagram.fingerprint != end && random.u8(..100) < 20 {
                content = Content { units: datagram.units - 9, waiting: 2, is_spoilt: false };
                waiting.extend([(datagram.number, 4), (datagram.number, 5)]);
            }
            received += i64::from(content.units);
            add(&mut sum, sequence.take(datagram.number, content, 4096));
            while !waiting.is_empty() && random.u8(..100) < 20 {
                let (number, units) = waiting.swap_remove(random.usize(..waiting.len()));
                received += i64::from(units);
                add(&mut sum, sequence.resolve(number, Content::known(units)));
            }
            assert!(sum.missing >= 0 && sum.uncertain >= 0, "seed {seed}: {sum:?}");
        }
        for (number, units) in waiting {
            let is_given_up = gives_up && random.bool();
            received += if is_given_up { 0 } else { i64::from(units) };
            add(&mut sum, sequence.resolve(number, (!is_given_up).then_some(units).into()));
        }
        assert_eq!(received + sum.missing + sum.uncertain, all, "seed {seed}: {sum:?}");
        if !gives_up {
            assert_eq!((sum.missing, sum.uncertain), (removed, 0), "seed {seed}");
        }
    }
}

#[test]
fn a_flipped_byte_or_a_cut_changes_the_fingerprint() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut payload: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(1400).collect();
    let whole = fingerprint(&payload);
    for length in 0..payload.len() {
        assert_ne!(fingerprint(&payload[..length]), whole, "{length}");
    }
    for position in 0..payload.len() {
        payload[position] ^= 1;
        assert_ne!(fingerprint(&payload), whole, "{position}");
        payload[position] ^= 1;
    }
    assert_eq!(fingerprint(&payload), whole);
    assert_ne!(fingerprint(&[]), fingerprint(&[0]));
}
