//! The service is sick on order, and only then.

#[tokio::test]
async fn it_is_sick_as_ordered_and_its_probes_stay_green() {
    testkit::sick_pod::contract(movie_service::NAME, movie_service::run, "/movies/").await;
}
