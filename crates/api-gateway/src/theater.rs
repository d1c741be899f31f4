//! The fixed points of the theater: three services, two clusters.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A service behind the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// `user-service`
    User,
    /// `movie-service`
    Movie,
    /// `booking-service`
    Booking,
}

/// A cluster of the mesh.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Cluster {
    /// NaverCloud in the courses; the gateway lives here.
    Ctx1,
    /// NHN Cloud in the courses.
    Ctx2,
}

impl Service {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 3] = [Self::User, Self::Movie, Self::Booking];

    /// `user`, as in events and configuration.
    pub fn id(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Movie => "movie",
            Self::Booking => "booking",
        }
    }

    /// `user-service`, the name of its Kubernetes Service.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user-service",
            Self::Movie => "movie-service",
            Self::Booking => "booking-service",
        }
    }

    /// `/users`, the first part of its paths.
    pub fn path(self) -> &'static str {
        match self {
            Self::User => "/users",
            Self::Movie => "/movies",
            Self::Booking => "/bookings",
        }
    }
}

impl Cluster {
    /// Both of them, in the order of the page.
    pub const ALL: [Self; 2] = [Self::Ctx1, Self::Ctx2];

    /// The cluster of that name, where it is one.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cluster| cluster.name() == name)
    }

    /// `ctx1`, the name of its kubectl context and of its subset.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ctx1 => "ctx1",
            Self::Ctx2 => "ctx2",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Ctx1 => Self::Ctx2,
            Self::Ctx2 => Self::Ctx1,
        }
    }
}

/// One value for each service; never one missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct PerService<T> {
    /// Of the user service.
    pub user: T,
    /// Of the movie service.
    pub movie: T,
    /// Of the booking service.
    pub booking: T,
}

/// One value for each cluster; never one missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct PerCluster<T> {
    /// Of ctx1.
    pub ctx1: T,
    /// Of ctx2.
    pub ctx2: T,
}

impl<T> PerService<T> {
    /// Makes each value.
    pub fn from_fn(mut make: impl FnMut(Service) -> T) -> Self {
        Self {
            user: make(Service::User),
            movie: make(Service::Movie),
            booking: make(Service::Booking),
        }
    }

    /// Makes each value, or stops at the first error.
    ///
    /// # Errors
    /// The first error of `make`.
    pub fn try_from_fn<E>(mut make: impl FnMut(Service) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self {
            user: make(Service::User)?,
            movie: make(Service::Movie)?,
            booking: make(Service::Booking)?,
        })
    }

    /// The value of one service.
    pub fn get(&self, service: Service) -> &T {
        match service {
            Service::User => &self.user,
            Service::Movie => &self.movie,
            Service::Booking => &self.booking,
        }
    }

    /// The value of one service, to change it.
    pub fn get_mut(&mut self, service: Service) -> &mut T {
        match service {
            Service::User => &mut self.user,
            Service::Movie => &mut self.movie,
            Service::Booking => &mut self.booking,
        }
    }
}

impl<T> PerCluster<T> {
    /// Makes each value.
    pub fn from_fn(mut make: impl FnMut(Cluster) -> T) -> Self {
        Self {
            ctx1: make(Cluster::Ctx1),
            ctx2: make(Cluster::Ctx2),
        }
    }

    /// The value of one cluster.
    pub fn get(&self, cluster: Cluster) -> &T {
        match cluster {
            Cluster::Ctx1 => &self.ctx1,
            Cluster::Ctx2 => &self.ctx2,
        }
    }

    /// The value of one cluster, to change it.
    pub fn get_mut(&mut self, cluster: Cluster) -> &mut T {
        match cluster {
            Cluster::Ctx1 => &mut self.ctx1,
            Cluster::Ctx2 => &mut self.ctx2,
        }
    }
}
