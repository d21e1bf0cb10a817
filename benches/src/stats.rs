//! Medians.

/// The middle value, or the mean of the two in the middle.
///
/// # Panics
///
/// Without values.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    assert!(!values.is_empty(), "the median of nothing");
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// A figure over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Over {
    /// In the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Over {
    /// `None` without values.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let fold = |f: fn(f64, f64) -> f64| values.iter().copied().reduce(f);
        Some(Over {
            min: fold(f64::min)?,
            max: fold(f64::max)?,
            median: median(values),
        })
    }

    /// How far the rounds lie apart, as a part of the median.
    #[must_use]
    pub fn spread(&self) -> f64 {
        (self.max - self.min) / self.median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn over_nothing_there_is_nothing() {
        assert_eq!(Over::of(&[]), None);
        let over = Over::of(&[2.0, 1.0, 4.0]).unwrap();
        assert_eq!(
            (over.median, over.min, over.max, over.spread()),
            (2.0, 1.0, 4.0, 1.5)
        );
    }
}
