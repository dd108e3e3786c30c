#include "flights.h"

#include <string_view>

namespace flights {
namespace {

constexpr double kWindyMph = 20;

st::Projection<Aircraft> aircraft() {
  return st::projection<Aircraft>("aircraft")
      .from(kFlights)
      .on<FlightDeparted>([](Aircraft& a, const FlightDeparted& e) {
        ++a.events;
        ++a.flights;
        a.where = e.origin;
        a.airborne = true;
      })
      .on<FlightLanded>([](Aircraft& a, const FlightLanded& e) {
        ++a.events;
        a.miles += e.distance_miles;
        a.where = e.destination;
        a.airborne = false;
      })
      .on<FlightCancelled>([](Aircraft& a, const FlightCancelled&) { ++a.events; });
}

st::Projection<Carrier> carriers() {
  return st::projection<Carrier>("carriers")
      .from(kFlights)
      .key_by<FlightDeparted>([](const FlightDeparted& e) { return e.carrier; })
      .key_by<FlightLanded>([](const FlightLanded& e) { return e.carrier; })
      .key_by<FlightCancelled>([](const FlightCancelled& e) { return e.carrier; })
      .on<FlightDeparted>([](Carrier& c, const FlightDeparted& e) {
        ++c.departed;
        c.delay_minutes += e.delay_minutes;
      })
      .on<FlightLanded>([](Carrier& c, const FlightLanded& e) {
        ++c.landed;
        c.miles += e.distance_miles;
      })
      .on<FlightCancelled>([](Carrier& c, const FlightCancelled&) { ++c.cancelled; });
}

/// The last observation at each airport: what departures look up.
st::Projection<Weather> weather() {
  return st::projection<Weather>("weather")
      .from(kFlights)
      .key_by<WeatherObserved>([](const WeatherObserved& e) { return e.airport; })
      .on<WeatherObserved>([](Weather& w, const WeatherObserved& e) {
        w = {e.temperature_f, e.wind_mph, e.precipitation_in, e.visibility_mi};
      });
}

st::Projection<Departures> departures() {
  const auto observed = weather();
  return st::projection<Departures>("departures")
      .from(kFlights)
      .looks_up(observed)
      .key_by<FlightDeparted>([](const FlightDeparted& e) { return e.origin; })
      .on<FlightDeparted>([observed](Departures& d, const FlightDeparted& e, const st::Meta& m) {
        ++d.departed;
        d.delay_minutes += e.delay_minutes;
        const Weather* now = m.find(observed, e.origin);
        if (now == nullptr) {
          ++d.weather_unknown;
          return;
        }
        if (now->precipitation_in.value_or(0) > 0) {
          ++d.in_rain;
          d.rain_delay_minutes += e.delay_minutes;
        }
        if (now->wind_mph.value_or(0) >= kWindyMph) {
          ++d.in_wind;
          d.wind_delay_minutes += e.delay_minutes;
        }
      });
}

/// A process manager: what it has seen is its state, what it wants done are its effects.
st::Projection<Continuity> continuity() {
  return st::projection<Continuity>("continuity")
      .from(kFlights)
      .on<FlightDeparted>(
          [](Continuity& c, const FlightDeparted& e, const st::Meta& m, st::Effects& effects) {
            // Flights without an aircraft share a stream.
            if (m.stream().starts_with("unassigned-")) return;
            if (c.airborne) {
              ++c.broken;
              auto alert = st::new_event(
                  ContinuityBroken{std::string(m.stream()), e.flight, e.origin, c.departed_from});
              alert.stream = m.stream();
              effects.append(kAlerts, std::move(alert));
            }
            c.airborne = true;
            c.departed_from = e.origin;
          })
      .on<FlightLanded>([](Continuity& c, const FlightLanded&) { c.airborne = false; });
}

/// Whatever happened, undecoded.
st::Projection<Stream> streams() {
  return st::projection<Stream>("streams").from(kFlights).on_any(
      [](Stream& s, const st::Meta&) { ++s.events; });
}

}  // namespace

Folds folds(const st::StoreChoice& store) {
  return {.aircraft = aircraft().store(store),
          .carriers = carriers().store(store),
          .departures = departures().store(store),
          .continuity = continuity().store(store),
          .streams = streams().store(store)};
}

}  // namespace flights
