//! A borrowed token does not outlive its group.

fn main() {
    let token = {
        let group = async_sync::WaitGroup::new();
        group.add()
    };
    drop(token);
}
