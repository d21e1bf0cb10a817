use async_sync::Context;

fn main() {
    let wait = {
        let context = Context::new();
        context.cancelled()
    };
    drop(wait);
}
