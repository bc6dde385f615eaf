#include "gateway/figures.h"

namespace everframe::gateway {

namespace {

void add(transport::EndpointFigures& sum, const transport::EndpointFigures& other) {
  sum.peers += other.peers;
  sum.connected += other.connected;
  sum.datagrams_in += other.datagrams_in;
  sum.datagrams_out += other.datagrams_out;
  sum.bytes_in += other.bytes_in;
  sum.bytes_out += other.bytes_out;
  sum.handshakes += other.handshakes;
  sum.bad_stun += other.bad_stun;
  sum.unknown_address += other.unknown_address;
  sum.bad_records += other.bad_records;
  sum.bad_fingerprints += other.bad_fingerprints;
  sum.bad_packets += other.bad_packets;
  sum.timed_out += other.timed_out;
  sum.roamed += other.roamed;
  sum.handshakes_dropped += other.handshakes_dropped;
  sum.crowded_addresses += other.crowded_addresses;
  sum.offers_refused += other.offers_refused;
}

}  // namespace

Figures& Figures::operator+=(const Figures& other) {
  for (std::size_t i = 0; i < sessions.size(); ++i) sessions[i] += other.sessions[i];
  for (std::size_t i = 0; i < goodbyes.size(); ++i) goodbyes[i] += other.goodbyes[i];
  connects_refused += other.connects_refused;
  tunnels += other.tunnels;
  tunnels_opened += other.tunnels_opened;
  unknown_channels += other.unknown_channels;
  events_in += other.events_in;
  events_out += other.events_out;
  states_in += other.states_in;
  states_out += other.states_out;
  states_dropped += other.states_dropped;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  session_crashes += other.session_crashes;
  datagrams_dropped += other.datagrams_dropped;
  add(line, other.line);
  return *this;
}

}  // namespace everframe::gateway
