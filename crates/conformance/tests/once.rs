//! The scenarios of acts and cells, on every runtime.

use conformance::scenarios::once::*;

mod any {
    use conformance::peers::once_cells::Ours;
    use conformance::scenarios::any_once::*;

    conformance::on_every_runtime! {
        s48_one_of_ten = s48_one_of_ten::<Ours, _>;
        s49_the_second_caller_waits = s49_the_second_caller_waits::<Ours, _>;
        s52_two_failures = s52_two_failures::<Ours, _>;
        abort_and_panic = abort_and_panic::<Ours, _>;
        waiting_for_somebody_else = waiting_for_somebody_else::<Ours, _>;
    }
}

conformance::on_every_runtime! {
    s48_only_once;
    s51_a_panic_is_not_done;
    s53_done;
    s54_reset;
    reset_storm;
    abort_storm;
    lazy;
}

/// S50: an initialiser that initialises the cell which it is for waits for ever, and is reported.
#[test]
fn s50_recursion_is_reported() {
    use async_sync::once::{Once, OnceCell};
    use mini_executor::waiting_for;

    let stalled = mini_executor::run(1, |_| async {
        let cell = OnceCell::new();
        let inner = async || {
            let again = cell.get_or_init(async || 1);
            *waiting_for("the cell that it initialises", again).await
        };
        cell.get_or_init(inner).await;
    })
    .unwrap_err();
    assert_eq!(stalled.tasks().len(), 1, "{stalled}");
    let text = stalled.to_string();
    assert!(text.contains("the cell that it initialises"), "{text}");

    let stalled = mini_executor::run(1, |_| async {
        let once = Once::new();
        once.call_once(async || once.call_once(async || ()).await)
            .await;
    });
    assert!(stalled.is_err());
}
