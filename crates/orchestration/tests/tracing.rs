//! What a pipeline tells `tracing`.

#![allow(missing_docs)]

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use orchestration::Pipeline;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes down the events of pipelines, a line each.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "orchestration::pipeline"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let level = *event.metadata().level();
        self.0.lock().unwrap().push((level, line.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn an_event_for_each_stage_and_one_at_the_end() {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        mini_executor::run(0, |rt| async move {
            let plan = Pipeline::<_, ()>::from_iter("numbers", 0..7).map("double", |n| 2 * n);
            plan.run(rt).await.unwrap().metrics.trace();
        })
        .unwrap();
    });
    let lines = lines.0.lock().unwrap();
    let (level, end) = &lines[0];
    assert_eq!(*level, Level::DEBUG);
    assert!(
        end.contains("failed=false") && end.contains("double"),
        "{end}"
    );
    assert_eq!(lines.len(), 1 + 3);
    for ((level, line), stage) in lines[1..].iter().zip(["numbers", "double", "sink"]) {
        assert_eq!(*level, Level::INFO);
        assert!(line.contains(&format!("stage=\"{stage}\"")), "{line}");
        let count = if stage == "sink" {
            "taken=7"
        } else {
            "given=7"
        };
        assert!(line.contains(count), "{line}");
    }
}
