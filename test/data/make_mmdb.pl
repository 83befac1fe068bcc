#!/usr/bin/perl
# Makes the synthetic GeoIP databases beside it (Debian: libmaxmind-db-writer-perl).  Nothing in them is real:
# every place is a loopback network, so that a client bound to 127.0.5.1 *is* in Frankfurt.
#
#   city.mmdb      MaxMind's nested schema, doubles, IPv4 in IPv6
#   flat-v4.mmdb   flat schema, floats, IPv4 only
#   flat-v6.mmdb   flat schema, coordinates as text, IPv6 only
#   country.mmdb   flat schema, country only
#   china.mmdb     as city.mmdb, the places of the scenario china in their order
use strict;
use warnings;
use FindBin;
use MaxMind::DB::Writer::Tree;

my @places = (
    ['127.0.1.0/24', 'fd00:1::/64', 'CN', 'AS', 31.2, 121.5, 'Shanghai'],
    ['127.0.2.0/24', 'fd00:2::/64', 'CN', 'AS', 39.9, 116.4, 'Beijing'],
    ['127.0.3.0/24', 'fd00:3::/64', 'CN', 'AS', 22.5, 114.1, 'Shenzhen'],
    ['127.0.4.0/24', 'fd00:4::/64', 'SG', 'AS', 1.35, 103.8, 'Singapore'],
    ['127.0.5.0/24', 'fd00:5::/64', 'DE', 'EU', 50.1, 8.7, 'Frankfurt'],
    ['127.0.6.0/24', 'fd00:6::/64', 'US', 'NA', 39.0, -77.5, 'Virginia'],
);

my @china = (
    ['127.0.1.0/24', 'fd00:1::/64', 'CN', 'AS', 31.2, 121.5, 'Shanghai'],
    ['127.0.2.0/24', 'fd00:2::/64', 'CN', 'AS', 39.9, 116.4, 'Beijing'],
    ['127.0.3.0/24', 'fd00:3::/64', 'CN', 'AS', 22.5, 114.1, 'Shenzhen'],
    ['127.0.4.0/24', 'fd00:4::/64', 'CN', 'AS', 30.7, 104.1, 'Chengdu'],
    ['127.0.5.0/24', 'fd00:5::/64', 'CN', 'AS', 30.6, 114.3, 'Wuhan'],
);

sub database {
    my ($file, $version, $type, $types, $entry, @rows) = @_;
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version => $version, record_size => 24, database_type => $type, languages => ['en'],
        description => {en => 'synthetic, for tests'}, remove_reserved_networks => 0,
        ($version == 6 ? (alias_ipv6_to_ipv4 => 1) : ()),
        map_key_type_callback => sub { $types->{$_[0]} // 'utf8_string' },
    );
    $entry->($tree, @$_) for @rows ? @rows : @places;
    open my $out, '>:raw', "$FindBin::Bin/$file" or die "$file: $!";
    $tree->write_tree($out);
    close $out or die "$file: $!";
}

my %nested = map { $_ => 'map' } qw(country continent location city names);
my $nested_entry = sub {
    my ($tree, $v4, $v6, $country, $continent, $latitude, $longitude, $city) = @_;
    my $entry = {
        country => {iso_code => $country}, continent => {code => $continent},
        location => {latitude => $latitude, longitude => $longitude}, city => {names => {en => $city}},
    };
    $tree->insert_network($_, $entry) for $v4, $v6;
};
my %doubles = (%nested, latitude => 'double', longitude => 'double');
database('city.mmdb', 6, 'Synthetic-City', \%doubles, $nested_entry);
database('china.mmdb', 6, 'Synthetic-City', \%doubles, $nested_entry, @china);
database('flat-v4.mmdb', 4, 'synthetic-flat', {latitude => 'float', longitude => 'float'}, sub {
    my ($tree, $v4, $v6, $country, $continent, $latitude, $longitude, $city) = @_;
    $tree->insert_network($v4, {country_code => $country, city => $city, latitude => $latitude,
        longitude => $longitude});
});
database('flat-v6.mmdb', 6, 'synthetic-flat', {}, sub {
    my ($tree, $v4, $v6, $country, $continent, $latitude, $longitude, $city) = @_;
    $tree->insert_network($v6, {country_code => $country, city => $city, latitude => "$latitude",
        longitude => "$longitude"});
});
database('country.mmdb', 6, 'synthetic-country', {}, sub {
    my ($tree, $v4, $v6, $country) = @_;
    $tree->insert_network($_, {country_code => $country}) for $v4, $v6;
});
