-- As FreePBX 16 and 17 have them, of what is used.
CREATE DATABASE asterisk CHARACTER SET utf8mb4;
USE asterisk;
CREATE TABLE kvstore_FreePBX_modules_Customappsreg (
	`key` char(255) NOT NULL, val varchar(4096) DEFAULT NULL, type char(16) DEFAULT NULL, id char(255) DEFAULT NULL,
	UNIQUE KEY uniqueindex (`key`(190), id(190))
);
CREATE TABLE incoming (
	cidnum varchar(20) DEFAULT NULL, extension varchar(50) NOT NULL, destination varchar(50) DEFAULT NULL,
	description varchar(50) DEFAULT NULL
);
CREATE TABLE admin (variable varchar(20) NOT NULL PRIMARY KEY, value varchar(80) NOT NULL);
INSERT INTO admin VALUES ('need_reload', 'false');
INSERT INTO kvstore_FreePBX_modules_Customappsreg VALUES
	('currentid', '2', NULL, 'noid'),
	('1', '{"destid":"1","target":"night,s,1","description":"Night","notes":"","destret":"0","dest":""}', 'json-arr', 'dests');
