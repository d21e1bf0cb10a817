use async_sync::Semaphore;

fn main() {
    let permit = {
        let semaphore = Semaphore::new(1);
        semaphore.try_acquire().unwrap()
    };
    assert_eq!(permit.count(), 1);
}
