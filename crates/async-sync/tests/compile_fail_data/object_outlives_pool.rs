use async_sync::Pool;

fn main() {
    let object = {
        let pool = Pool::new(String::new);
        pool.get()
    };
    assert!(object.is_empty());
}
