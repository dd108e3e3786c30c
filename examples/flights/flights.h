// The flights as events, and what is folded of them.
//
//   flights ─┬─► aircraft      by stream: where it is, airborne, flights, miles
//            ├─► carriers      by carrier: departed, landed, cancelled, minutes late, miles
//            ├─► weather ─► departures   by airport: departures, and in what weather
//            ├─► continuity ─► alerts    ContinuityBroken: departed twice without landing
//            └─► streams       by stream: how many events
#pragma once

#include <projections/engine/engine.h>

#include <cstdint>
#include <optional>
#include <string>

namespace flights {

namespace st = stele::projections;

inline constexpr const char* kFlights = "flights";
inline constexpr const char* kAlerts = "alerts";

// --- events: members are named as in the JSON ---

struct FlightDeparted {
  std::string flight;
  std::string carrier;
  std::string origin;
  std::int64_t delay_minutes = 0;
};
struct FlightLanded {
  std::string carrier;
  std::string destination;
  std::int64_t distance_miles = 0;
};
struct FlightCancelled {
  std::string carrier;
};
struct WeatherObserved {
  std::string airport;
  std::optional<double> temperature_f;
  std::optional<double> wind_mph;
  std::optional<double> precipitation_in;
  std::optional<double> visibility_mi;
};
/// Raised by us: an aircraft took off where it cannot have been.
struct ContinuityBroken {
  std::string aircraft;
  std::string flight;
  std::string origin;
  std::string departed_before;  ///< from where, without landing
};

// --- states ---

struct Aircraft {
  std::int64_t events = 0;
  std::int64_t flights = 0;
  std::int64_t miles = 0;
  std::string where;  ///< an airport; empty: not seen yet
  bool airborne = false;
};
struct Carrier {
  std::int64_t departed = 0;
  std::int64_t landed = 0;
  std::int64_t cancelled = 0;
  std::int64_t delay_minutes = 0;
  std::int64_t miles = 0;
};
struct Weather {
  std::optional<double> temperature_f;
  std::optional<double> wind_mph;
  std::optional<double> precipitation_in;
  std::optional<double> visibility_mi;
};
struct Departures {
  std::int64_t departed = 0;
  std::int64_t delay_minutes = 0;
  std::int64_t in_rain = 0;
  std::int64_t rain_delay_minutes = 0;
  std::int64_t in_wind = 0;  ///< 20 mph or more
  std::int64_t wind_delay_minutes = 0;
  std::int64_t weather_unknown = 0;
};
struct Stream {
  std::int64_t events = 0;
};
struct Continuity {
  bool airborne = false;
  std::string departed_from;
  std::int64_t broken = 0;
};

}  // namespace flights

namespace stele::projections {

template <>
struct event_traits<flights::FlightDeparted> : json_event<"FlightDeparted"> {};
template <>
struct event_traits<flights::FlightLanded> : json_event<"FlightLanded"> {};
template <>
struct event_traits<flights::FlightCancelled> : json_event<"FlightCancelled"> {};
template <>
struct event_traits<flights::WeatherObserved> : json_event<"WeatherObserved"> {};
template <>
struct event_traits<flights::ContinuityBroken> : json_event<"ContinuityBroken"> {};

}  // namespace stele::projections

namespace flights {

/// The program's projections; all of them keep their states in `store`.
struct Folds {
  st::Projection<Aircraft> aircraft;
  st::Projection<Carrier> carriers;
  st::Projection<Departures> departures;
  st::Projection<Continuity> continuity;
  st::Projection<Stream> streams;
};

[[nodiscard]] Folds folds(const st::StoreChoice& store);

}  // namespace flights
