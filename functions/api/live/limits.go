package live

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/hybrid-bts/functions/shared/clouderr"
)

// Limits of streams.
const (
	// DefaultStreams is the default limit of streams of an instance. Cloud Run sends an instance up to 1000 requests
	// at a time (services.csv); the rest is for requests other than streams.
	DefaultStreams = 800

	// MaxClientStreams is the limit of streams of a client on an instance. Many shoppers can share the address
	// of a mobile network.
	MaxClientStreams = 50

	// MaxNetworkStreams is the limit of streams of a network on an instance. A provider assigns its customers up to a
	// /48 of IPv6, which has 65,536 clients; a /24 is the smallest network of IPv4 that is routed on its own.
	MaxNetworkStreams = 100

	// newNetworkShare is the share of an instance's streams, as a divisor, that only networks with fewer than
	// newNetworkStreams streams get. So 12 clients in as many networks cannot take all streams.
	newNetworkShare   = 4
	newNetworkStreams = 2
)

// ErrTooManyStreams reports that the instance, the client or its network has its largest number of streams.
var ErrTooManyStreams = errors.New("too many streams")

// checkLimits returns the error of a further stream of the client, nil if one is allowed. The caller holds f.mu.
func (f *Feed) checkLimits(client netip.Prefix) error {
	ofNetwork := f.networks[network(client)]
	switch {
	case f.ended:
		return fmt.Errorf("%w: stopping", clouderr.ErrUnavailable)
	case f.streams >= f.maxStreams, f.clients[client] >= f.maxClientStreams, ofNetwork >= f.maxNetworkStreams:
		return ErrTooManyStreams
	case f.streams >= f.maxStreams-f.maxStreams/newNetworkShare && ofNetwork >= newNetworkStreams:
		return ErrTooManyStreams
	}
	return nil
}

// network returns the network of a client: the /24 of an IPv4 address, the /48 of an IPv6 network. That of the zero
// Prefix, which stands for all clients without a known address, is the zero Prefix.
func network(client netip.Prefix) netip.Prefix {
	bits := 48
	if client.Addr().Is4() {
		bits = 24
	}
	if client.Bits() <= bits {
		return client
	}
	return netip.PrefixFrom(client.Addr(), bits).Masked()
}
