//! All stages at one moment, and a picture of them for people.

use std::fmt;
use std::time::Duration;

use super::StageMetrics;

/// Where the stages of a pipeline stand. From [`Control::metrics`](super::Control::metrics).
///
/// `Display` draws the stages with the queues before them, the bottleneck marked, and a line of figures
/// for each:
///
/// ```text
/// walk --[3/128]--> read x4 --[128/128]--> digest x2 (bottleneck) --[0/128]--> sink
///
/// stage      taken    given  errors  busy  starved  blocked      p50      p99
/// walk           -     1204       0   12%       0%      88%     1 us     7 us
/// ...
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// From the source to the sink.
    pub stages: Vec<StageMetrics>,
}

/// A stage that works less than this part of the time holds nobody up.
const BUSY: f64 = 0.5;

impl Metrics {
    /// The first stage of this name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&StageMetrics> {
        self.stages.iter().find(|stage| &*stage.name == name)
    }

    /// The stage that the others wait for: the one whose workers are busy for the greatest part of the time
    /// that the pipeline has taken. None if all wait most of that time, for something outside.
    #[must_use]
    pub fn bottleneck(&self) -> Option<&StageMetrics> {
        // By the longest of all, not by their own: a source that needed a microsecond, and had room for
        // everything, was busy for all of its time.
        let times = self
            .stages
            .iter()
            .map(|stage| per_worker(stage.time(), stage));
        let longest = times.fold(0.0, f64::max);
        let busy = |stage: &&StageMetrics| per_worker(stage.busy, stage);
        let busiest = self
            .stages
            .iter()
            .max_by(|one, two| busy(one).total_cmp(&busy(two)));
        busiest.filter(|stage| longest > 0.0 && busy(stage) >= BUSY * longest)
    }

    /// One event of `tracing` for each stage, at level `INFO`, with the target
    /// `orchestration::pipeline`.
    #[cfg(feature = "tracing")]
    pub fn trace(&self) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        for stage in &self.stages {
            tracing::info!(
                target: "orchestration::pipeline",
                stage = &*stage.name,
                workers = stage.workers,
                taken = stage.taken,
                given = stage.given,
                errors = stage.errors,
                retries = stage.retries,
                queued = stage.queued,
                busy_ns = nanos(stage.busy),
                starved_ns = nanos(stage.starved),
                blocked_ns = nanos(stage.blocked),
                p50_ns = nanos(stage.p50),
                p99_ns = nanos(stage.p99),
            );
        }
    }
}

fn per_worker(time: Duration, stage: &StageMetrics) -> f64 {
    time.as_secs_f64() / stage.workers.max(1) as f64
}

/// A time with two or three digits.
fn short(time: Duration) -> String {
    let nanos = time.as_nanos();
    match nanos {
        0..10_000 => format!("{nanos} ns"),
        10_000..10_000_000 => format!("{} us", nanos / 1000),
        10_000_000..10_000_000_000 => format!("{} ms", nanos / 1_000_000),
        _ => format!("{} s", nanos / 1_000_000_000),
    }
}

fn percent(part: Duration, stage: &StageMetrics) -> String {
    let all = stage.time().as_secs_f64();
    if all > 0.0 {
        format!("{:.0}%", 100.0 * part.as_secs_f64() / all)
    } else {
        "-".to_owned()
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bottleneck = self.bottleneck().map(std::ptr::from_ref);
        for stage in &self.stages {
            if let Some(capacity) = stage.capacity {
                write!(f, " --[{}/{capacity}]--> ", stage.queued)?;
            }
            f.write_str(&stage.name)?;
            if stage.workers > 1 {
                write!(f, " x{}", stage.workers)?;
            }
            if bottleneck.is_some_and(|one| std::ptr::eq(one, stage)) {
                f.write_str(" (bottleneck)")?;
            }
        }
        let longest = self.stages.iter().map(|stage| stage.name.chars().count());
        let width = longest.max().unwrap_or(0).max("stage".len());
        write!(
            f,
            "\n\n{:width$} {:>10} {:>10} {:>7} {:>5} {:>8} {:>8} {:>8} {:>8}",
            "stage", "taken", "given", "errors", "busy", "starved", "blocked", "p50", "p99"
        )?;
        for stage in &self.stages {
            let taken = stage
                .capacity
                .map_or("-".to_owned(), |_| stage.taken.to_string());
            write!(
                f,
                "\n{:width$} {taken:>10} {:>10} {:>7} {:>5} {:>8} {:>8} {:>8} {:>8}",
                stage.name,
                stage.given,
                stage.errors,
                percent(stage.busy, stage),
                percent(stage.starved, stage),
                percent(stage.blocked, stage),
                short(stage.p50),
                short(stage.p99),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::StageStats;
    use super::*;

    fn stage(name: &str, busy: u64, starved: u64, capacity: Option<usize>) -> StageMetrics {
        let mut stage = StageStats::new(name).read();
        stage.workers = 2;
        stage.capacity = capacity;
        stage.busy = Duration::from_millis(busy);
        stage.starved = Duration::from_millis(starved);
        stage
    }

    #[test]
    fn the_busiest_is_marked() {
        let stages = vec![
            stage("walk", 10, 90, None),
            stage("read", 80, 20, Some(4)),
            stage("digest", 99, 1, Some(8)),
        ];
        let metrics = Metrics { stages };
        assert_eq!(&*metrics.bottleneck().unwrap().name, "digest");
        let text = metrics.to_string();
        let first = text.lines().next().unwrap();
        assert_eq!(
            first,
            "walk x2 --[0/4]--> read x2 --[0/8]--> digest x2 (bottleneck)"
        );
        assert!(text.contains("80%"), "{text}");
        let columns = |line: &str| line.chars().count();
        let widths: Vec<_> = text.lines().skip(2).map(columns).collect();
        assert!(
            widths.len() == 4 && widths.iter().all(|width| *width == widths[0]),
            "{text}"
        );
    }

    #[test]
    fn who_has_ended_long_ago_holds_nobody_up() {
        let mut digest = stage("digest", 95, 5, Some(8));
        digest.workers = 1;
        let stages = vec![stage("walk", 1, 0, None), digest];
        let metrics = Metrics { stages };
        assert_eq!(metrics.stages[0].utilisation(), 1.0);
        assert_eq!(&*metrics.bottleneck().unwrap().name, "digest");

        // Nor do those that are quick, when the sink waits for something outside.
        let stages = vec![stage("walk", 1, 0, None), stage("sink", 5, 95, Some(8))];
        assert!(Metrics { stages }.bottleneck().is_none());
    }

    #[test]
    fn nobody_is_blamed_if_all_wait() {
        let metrics = Metrics {
            stages: vec![stage("walk", 10, 90, None)],
        };
        assert!(metrics.bottleneck().is_none());
        assert!(Metrics::default().bottleneck().is_none());
    }
}
