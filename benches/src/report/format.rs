//! Figures for people.

use crate::row::Measure;
use crate::sample::figure;

/// Nanoseconds, in the unit that keeps them short.
#[must_use]
pub fn time(nanos: f64) -> String {
    match nanos {
        0.0 => "0".to_owned(),
        n if n < 1e3 => format!("{} ns", digits(n)),
        n if n < 1e6 => format!("{} us", digits(n / 1e3)),
        n if n < 1e9 => format!("{} ms", digits(n / 1e6)),
        n => format!("{} s", digits(n / 1e9)),
    }
}

/// As many digits as can be told apart at a glance: three at most, none after the point above ten.
#[must_use]
pub fn digits(value: f64) -> String {
    if value.abs() >= 10.0 || value == 0.0 {
        format!("{value:.0}")
    } else if value.abs() >= 0.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// What a measure is counted in.
#[must_use]
pub fn unit(measure: Measure) -> &'static str {
    match measure {
        Measure::Nanos => "ns",
        Measure::WaitP99 => "ns waited",
        Measure::Figure(figure::OBJECT) => "bytes",
        Measure::Figure(figure::FUTURE) => "bytes a future",
        Measure::Figure(figure::HEAP) => "bytes of heap a waiter",
        Measure::Figure(figure::WAITER) => "bytes a waiter",
        Measure::Figure(name) => name,
    }
}

/// A value with what it is counted in.
#[must_use]
pub fn quantity(measure: Measure, value: f64) -> String {
    format!("{} {}", digits(value), unit(measure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_keeps_them_short() {
        let shown = [0.0, 4.42, 44.2, 1_234.0, 2.5e6, 3e10].map(time);
        assert_eq!(shown, ["0", "4.4 ns", "44 ns", "1.2 us", "2.5 ms", "30 s"]);
    }

    #[test]
    fn digits_are_few() {
        let shown = [0.0, 0.544, 1.0, 9.96, 123.4].map(digits);
        assert_eq!(shown, ["0", "0.54", "1.0", "10.0", "123"]);
    }
}
