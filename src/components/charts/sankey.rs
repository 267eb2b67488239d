//! Where the boxes and ribbons of a Sankey diagram are: groups of several dimensions, side by side.
//!
//! Each column has the largest values of its dimension; the others, and what the answer has no groups of, are one box
//! at the foot. Heights are exact parts of the whole; only the gaps between boxes are for the eye.

use std::collections::HashMap;

use super::scale::drawn;

/// One group: a value of each dimension, and how much it has.
#[derive(Clone, Debug, PartialEq)]
pub struct SankeyGroup {
    /// What the value of each dimension is; `None` for the rest.
    pub values: Vec<Option<String>>,
    /// How much it has.
    pub amount: u64,
}

/// A value in its column.
#[derive(Clone, Debug, PartialEq)]
pub struct SankeyBox {
    /// Column, from the left.
    pub column: usize,
    /// The value; `None` for the others.
    pub value: Option<String>,
    /// How much it has.
    pub amount: u64,
    /// Upper edge, 0 to 1.
    pub top: f64,
    /// Lower edge, 0 to 1.
    pub bottom: f64,
    /// Where the middle of its label is, 0 to 1: at its own, unless labels of thin boxes push each other away.
    pub label: f64,
}

/// What two boxes of neighbouring columns have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct SankeyRibbon {
    /// Position of the left box.
    pub from: usize,
    /// Position of the right box.
    pub to: usize,
    /// How much it is.
    pub amount: u64,
    /// Edges at the left, upper and lower, 0 to 1.
    pub left: (f64, f64),
    /// Edges at the right, upper and lower, 0 to 1.
    pub right: (f64, f64),
}

/// The whole diagram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SankeyLayout {
    /// The boxes, column by column, most first, the others last.
    pub boxes: Vec<SankeyBox>,
    /// The ribbons.
    pub ribbons: Vec<SankeyRibbon>,
}

/// The share of the height that all gaps of a column take together, at most.
const GAPS: f64 = 0.25;
/// The share of the height of one gap.
const GAP: f64 = 0.018;
/// The share of the height that a label takes.
pub const LABEL: f64 = 0.03;
/// The most values of a column: with the others, as many labels as have room.
const MOST_VALUES: usize = 32;

impl SankeyLayout {
    /// Lays out groups, with at most so many values in a column, and no more than have room for a label.
    pub fn of(groups: &[SankeyGroup], columns: usize, most: usize) -> Self {
        let most = most.min(MOST_VALUES);
        let total = groups.iter().fold(0_u64, |sum, group| sum.saturating_add(group.amount));
        if total == 0 || columns == 0 {
            return Self::default();
        }
        let kept: Vec<Vec<String>> = (0..columns).map(|column| largest(groups, column, most)).collect();
        // Where each group is in each column; the others have the position behind the last.
        let positions = |group: &SankeyGroup| -> Vec<usize> {
            let place = |(column, kept): (usize, &Vec<String>)| {
                let value = group.values.get(column).and_then(Option::as_ref);
                value.and_then(|value| kept.iter().position(|kept| kept == value)).unwrap_or(kept.len())
            };
            kept.iter().enumerate().map(place).collect()
        };
        let mut amounts: Vec<Vec<u64>> = kept.iter().map(|kept| vec![0; kept.len() + 1]).collect();
        let mut pairs: HashMap<(usize, usize, usize), u64> = HashMap::new();
        for group in groups {
            let positions = positions(group);
            for (amounts, position) in amounts.iter_mut().zip(&positions) {
                if let Some(amount) = amounts.get_mut(*position) {
                    *amount = amount.saturating_add(group.amount);
                }
            }
            for (column, pair) in positions.windows(2).enumerate() {
                if let [left, right] = pair {
                    let amount = pairs.entry((column, *left, *right)).or_default();
                    *amount = amount.saturating_add(group.amount);
                }
            }
        }
        let gap = amounts.iter().map(|column| gap_of(column)).fold(GAP, f64::min);
        let mut layout = Self::default();
        let mut places: HashMap<(usize, usize), usize> = HashMap::new();
        for (column, (amounts, kept)) in amounts.iter().zip(&kept).enumerate() {
            let shown = amounts.iter().filter(|amount| **amount > 0).count();
            let height = 1.0 - gap * drawn(shown.saturating_sub(1) as u64);
            let first = layout.boxes.len();
            let mut top = 0.0;
            for (position, amount) in amounts.iter().enumerate().filter(|(_, amount)| **amount > 0) {
                let bottom = top + height * drawn(*amount) / drawn(total);
                places.insert((column, position), layout.boxes.len());
                layout.boxes.push(SankeyBox {
                    column,
                    value: kept.get(position).cloned(),
                    amount: *amount,
                    top,
                    bottom,
                    label: top.midpoint(bottom),
                });
                top = bottom + gap;
            }
            let boxes = layout.boxes.get_mut(first..).unwrap_or_default();
            let labels = spread(&boxes.iter().map(|node| node.label).collect::<Vec<_>>());
            for (node, label) in boxes.iter_mut().zip(labels) {
                node.label = label;
            }
        }
        layout.ribbons = ribbons(pairs, &places, &layout.boxes);
        layout
    }
}

/// Where labels stand that want to be at these places, ascending: each with its room, none beyond the edges, and else as
/// near as can be (the squares of the distances add up to the least).
fn spread(wanted: &[f64]) -> Vec<f64> {
    // Without the room of those above it each may stand no higher than the one before: those that want to share their mean.
    let mut together: Vec<(f64, usize)> = Vec::new();
    for (index, wanted) in wanted.iter().enumerate() {
        let mut last = (wanted - drawn(index as u64) * LABEL, 1_usize);
        let mean = |(sum, number): (f64, usize)| sum / drawn(number as u64);
        while let Some(before) = together.pop_if(|before| mean(*before) > mean(last)) {
            last = (before.0 + last.0, before.1 + last.1);
        }
        together.push(last);
    }
    let lowest = 1.0 - LABEL * (drawn(wanted.len() as u64) - 0.5);
    let places = together.into_iter().flat_map(|(sum, number)| {
        let place = (sum / drawn(number as u64)).min(lowest).max(LABEL / 2.0);
        std::iter::repeat_n(place, number)
    });
    places.enumerate().map(|(index, place)| place + drawn(index as u64) * LABEL).collect()
}

fn gap_of(column: &[u64]) -> f64 {
    GAPS / drawn(column.iter().filter(|amount| **amount > 0).count().max(1) as u64)
}

/// The largest values of a column, most first; of equals the smaller first.
fn largest(groups: &[SankeyGroup], column: usize, most: usize) -> Vec<String> {
    let mut amounts: HashMap<&str, u64> = HashMap::new();
    for group in groups {
        if let Some(value) = group.values.get(column).and_then(Option::as_deref) {
            let amount = amounts.entry(value).or_default();
            *amount = amount.saturating_add(group.amount);
        }
    }
    let mut sorted: Vec<_> = amounts.into_iter().collect();
    sorted.sort_by(|(one, amount), (other, larger)| larger.cmp(amount).then(one.cmp(other)));
    sorted.into_iter().take(most).map(|(value, _)| value.to_owned()).collect()
}

/// The ribbons in the order of their boxes, each beginning where the one above it ends, on both sides.
fn ribbons(
    pairs: HashMap<(usize, usize, usize), u64>,
    places: &HashMap<(usize, usize), usize>,
    boxes: &[SankeyBox],
) -> Vec<SankeyRibbon> {
    let mut sorted: Vec<_> = pairs.into_iter().filter(|(_, amount)| *amount > 0).collect();
    sorted.sort_by_key(|(key, _)| *key);
    let mut used: HashMap<(usize, bool), f64> = HashMap::new();
    let mut take = |place: usize, is_left: bool, amount: u64| {
        let its = boxes.get(place)?;
        let height = (its.bottom - its.top) * drawn(amount) / drawn(its.amount.max(1));
        let from = used.entry((place, is_left)).or_insert(its.top);
        let edges = (*from, *from + height);
        *from += height;
        Some(edges)
    };
    let ribbon = |((column, left, right), amount): ((usize, usize, usize), u64)| {
        let from = *places.get(&(column, left))?;
        let to = *places.get(&(column + 1, right))?;
        Some(SankeyRibbon {
            from,
            to,
            amount,
            left: take(from, true, amount)?,
            right: take(to, false, amount)?,
        })
    };
    sorted.into_iter().filter_map(ribbon).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(values: &[&str], amount: u64) -> SankeyGroup {
        let value = |value: &&str| (!value.is_empty()).then(|| (*value).to_owned());
        SankeyGroup { values: values.iter().map(value).collect(), amount }
    }

    #[test]
    fn every_column_has_the_whole_and_its_largest_values_first() {
        let groups = [
            group(&["DE", "443"], 50),
            group(&["FR", "443"], 30),
            group(&["DE", "53"], 15),
            group(&["", ""], 5),
        ];
        let layout = SankeyLayout::of(&groups, 2, 10);
        let shown: Vec<_> =
            layout.boxes.iter().map(|node| (node.column, node.value.as_deref(), node.amount)).collect();
        assert_eq!(
            shown,
            [
                (0, Some("DE"), 65),
                (0, Some("FR"), 30),
                (0, None, 5),
                (1, Some("443"), 80),
                (1, Some("53"), 15),
                (1, None, 5),
            ]
        );
        for column in 0..2 {
            let bottom = layout.boxes.iter().filter(|node| node.column == column).map(|node| node.bottom);
            assert!((bottom.fold(0.0, f64::max) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_ribbons_of_a_box_fill_it_exactly() {
        let groups = [group(&["DE", "443"], 50), group(&["FR", "443"], 30), group(&["DE", "53"], 20)];
        let layout = SankeyLayout::of(&groups, 2, 10);
        assert_eq!(layout.ribbons.iter().map(|ribbon| ribbon.amount).sum::<u64>(), 100);
        let of_first: Vec<_> = layout.ribbons.iter().filter(|ribbon| ribbon.from == 0).collect();
        let first = layout.boxes.first().unwrap();
        assert!((of_first.first().unwrap().left.0 - first.top).abs() < 1e-9);
        assert!((of_first.last().unwrap().left.1 - first.bottom).abs() < 1e-9);
        assert!((of_first.first().unwrap().left.1 - of_first.last().unwrap().left.0).abs() < 1e-9);
    }

    /// One large value above many that are thinner than their labels.
    fn thin(number: u64) -> SankeyLayout {
        let small = (0..number).map(|number| group(&[&format!("{number:02}"), "x"], 40 - number));
        let groups: Vec<_> = std::iter::once(group(&["large", "x"], 1_000_000)).chain(small).collect();
        SankeyLayout::of(&groups, 2, 20)
    }

    #[test]
    fn labels_of_thin_boxes_have_room_and_stay_in_the_order_of_their_boxes() {
        for number in [1, 2, 19, 25, 40] {
            let layout = thin(number);
            let labels = |column| {
                let boxes = layout.boxes.iter().filter(move |node| node.column == column);
                boxes.map(|node| node.label).collect::<Vec<f64>>()
            };
            for labels in [labels(0), labels(1)] {
                assert!(labels.iter().all(|label| (LABEL / 2.0..=1.0 - LABEL / 2.0 + 1e-9).contains(label)));
                assert!(
                    labels.windows(2).all(|pair| pair[1] - pair[0] > LABEL - 1e-9),
                    "{number}: {labels:?}"
                );
            }
        }
        let labels = spread(&[0.9; MOST_VALUES + 1]);
        assert!(labels.windows(2).all(|pair| pair[1] - pair[0] > LABEL - 1e-9) && labels[0] > 0.0);
    }

    #[test]
    fn a_label_with_room_stands_at_the_middle_of_its_box_and_crowded_ones_around_theirs() {
        let layout = thin(3);
        let large = layout.boxes.first().unwrap();
        assert!((large.label - large.top.midpoint(large.bottom)).abs() < 1e-9);
        let crowded = spread(&[0.2, 0.5, 0.51, 0.52]);
        let wanted = [0.2, 0.48, 0.51, 0.54];
        assert!(
            crowded.iter().zip(wanted).all(|(place, wanted)| (place - wanted).abs() < 1e-9),
            "{crowded:?}"
        );
    }

    #[test]
    fn what_has_no_room_in_a_column_is_in_its_others() {
        let groups: Vec<_> =
            (0..30_u64).map(|number| group(&[&format!("{number:02}"), "x"], 100 - number)).collect();
        let layout = SankeyLayout::of(&groups, 2, 5);
        let others = layout.boxes.iter().find(|node| node.column == 0 && node.value.is_none()).unwrap();
        assert_eq!(others.amount, (5..30).map(|number| 100 - number).sum::<u64>());
        assert_eq!(layout.boxes.len(), 7);
        assert!(SankeyLayout::of(&[], 2, 5).boxes.is_empty());
    }
}
