//! Both clusters on one machine
