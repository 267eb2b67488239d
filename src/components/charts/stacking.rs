//! Lines on top of each other, and parts of a whole.

/// Where a line's band begins and ends at each step.
pub type Band = Vec<(f64, f64)>;

/// The bands of lines that stand on each other, the first at the bottom. A line that is too short is 0 at its end.
pub fn stacked(lines: &[Vec<f64>]) -> Vec<Band> {
    let steps = lines.iter().map(Vec::len).max().unwrap_or(0);
    let mut height = vec![0.0; steps];
    let band = |line: &Vec<f64>| {
        let amounts = line.iter().copied().chain(std::iter::repeat(0.0));
        height
            .iter_mut()
            .zip(amounts)
            .map(|(height, amount)| {
                let lower = *height;
                *height += amount;
                (lower, *height)
            })
            .collect()
    };
    lines.iter().map(band).collect()
}

/// Each amount as its part of the step's sum, 0 to 1; 0 where there is nothing.
pub fn shares(lines: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let sums: Vec<f64> = tops(&stacked(lines));
    let part = |(amount, sum): (&f64, &f64)| if *sum > 0.0 { amount / sum } else { 0.0 };
    lines.iter().map(|line| line.iter().zip(&sums).map(part).collect()).collect()
}

/// The upper end of the last band at each step.
pub fn tops(bands: &[Band]) -> Vec<f64> {
    bands.last().map(|band| band.iter().map(|(_, upper)| *upper).collect()).unwrap_or_default()
}

/// The largest amount; 0 of none.
pub fn largest(amounts: impl IntoIterator<Item = f64>) -> f64 {
    amounts.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_where_the_one_below_ends() {
        let bands = stacked(&[vec![1.0, 2.0], vec![3.0, 0.0], vec![0.5]]);
        assert_eq!(
            bands,
            [vec![(0.0, 1.0), (0.0, 2.0)], vec![(1.0, 4.0), (2.0, 2.0)], vec![(4.0, 4.5), (2.0, 2.0)],]
        );
        assert_eq!(tops(&bands), [4.5, 2.0]);
        assert!(stacked(&[]).is_empty());
    }

    #[test]
    fn shares_of_a_step_add_up_to_one_and_an_empty_step_has_none() {
        assert_eq!(shares(&[vec![1.0, 0.0], vec![3.0, 0.0]]), [vec![0.25, 0.0], vec![0.75, 0.0]]);
    }
}
